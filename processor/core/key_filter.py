"""A filter over the idempotency keys that a shard has forgotten: says "never seen" for certain, or "perhaps".

A Bloom filter (B. H. Bloom, 1970, https://doi.org/10.1145/362686.362692) with four bits for each key. Its size is fixed, so that
one payment more never costs more memory; as it fills, more keys are asked of the archive for nothing, which costs time only.
Keys are digests, so their own bytes serve as the hashes.
"""

from collections.abc import Iterable
from struct import Struct

_POSITIONS = Struct("<4I")


def add_keys(bits: bytearray, keys: Iterable[bytes]) -> None:
    """Note the keys (16 bytes each). The length of `bits` is a power of two."""
    mask = len(bits) - 1
    # Written out: a shard that ages adds a whole generation of keys at once, while its payments wait.
    for first, second, third, fourth in _POSITIONS.iter_unpack(b"".join(keys)):
        bits[first >> 3 & mask] |= 1 << (first & 7)
        bits[second >> 3 & mask] |= 1 << (second & 7)
        bits[third >> 3 & mask] |= 1 << (third & 7)
        bits[fourth >> 3 & mask] |= 1 << (fourth & 7)


def may_have(bits: bytearray, key: bytes) -> bool:
    """Return False if the key was certainly never added."""
    mask = len(bits) - 1
    first, second, third, fourth = _POSITIONS.unpack(key)
    return bool(
        bits[first >> 3 & mask] >> (first & 7) & 1
        and bits[second >> 3 & mask] >> (second & 7) & 1
        and bits[third >> 3 & mask] >> (third & 7) & 1
        and bits[fourth >> 3 & mask] >> (fourth & 7) & 1
    )
