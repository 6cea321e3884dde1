"""Bridges: each follows the journal and carries its events to another system."""
