"""The proof that the ledger is what its journal says: once, by `payments verify`, and all the time, by the auditor."""
