"""Bringing a version to a cluster: what is applied, what is looked at meanwhile, and when to go back."""
