"""The demonstration: a real load with a killed shard host in the middle of it, and proof that the books are right.

`plan` says what will be sent, `run` and `holds` send it, `books` keep what the answers say, `checks` compare that with the ledger.
"""
