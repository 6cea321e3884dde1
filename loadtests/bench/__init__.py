"""`payments bench`: one module per layer, the rounds that measure them side by side, and the report."""
