"""How payments and accounts are called in TigerBeetle, where ids are numbers of 128 bits and a ledger holds one currency."""

from hashlib import blake2b

ADDRESS = "PEER_TIGERBEETLE_ADDRESS"
"""The variable that names the replica."""

CLUSTER = 0
CODE = 1
LEDGERS = {"EUR": 978}
"""ISO 4217's numbers."""


def id_of(text: str) -> int:
    """Return the id for an account's name or an idempotency key."""
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "little")
