"""Other designs of a payment service, measured side by side with ours: `payments bench peers`, or `python -m loadtests.peers`.

`services/` is what runs in the peers' processes; the modules here start each side, put the same load on it, and check its books.
"""
