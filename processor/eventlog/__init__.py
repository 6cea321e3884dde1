"""The event log: what the journal says, as facts for everybody outside."""
