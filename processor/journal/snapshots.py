"""The checksum of a snapshot."""

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct

_PLACE = Struct("<IQ32s")


def snapshot_checksum(shard: int, sequence: int, record_hash: bytes, parts: Iterable[bytes | memoryview]) -> bytes:
    """Return 32 bytes that vouch for the place and the whole state, however it is divided into parts."""
    digest = sha256(_PLACE.pack(shard, sequence, record_hash))
    for part in parts:
        digest.update(part)
    return digest.digest()
