"""A payment's way through HTTP: from a body to a message for the ledger, and from the ledger's answer to a body."""
