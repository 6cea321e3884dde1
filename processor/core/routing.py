"""Which shard an account lives on: a fixed hash range of account ids, never changed in a ledger's life."""

from zlib import crc32


def shard_of(account: str, shards: int) -> int:
    """Return the number of the shard, 0 to `shards - 1`, whose hash range holds the account's id."""
    return crc32(account.encode()) * shards >> 32
