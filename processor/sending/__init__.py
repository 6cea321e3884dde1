"""Sending a file of payments: `payment_file` reads its rows, `payment_line` checks them, `sender` sends them in batches."""
