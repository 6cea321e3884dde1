"""The HTTP API, and the Serve deployments that run it.

Imports go one way: deployment -> app -> routes -> payments, documentation -> bodies -> wire -> site -> ledger -> reads, limits.
"""
