"""Holding what bridges have carried over against the journal: `payments bridges check`."""
