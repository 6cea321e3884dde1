"""Payment ids: `pay_` and 26 characters that say when, and where in the journal, the payment was first recorded.

The characters are Crockford's base 32 (https://www.crockford.com/base32.html): 11 for the time in microseconds, 3 for
the shard, 8 for the sequence, 4 for the event's index in the record. So ids sort by time, need no randomness, and a
payment can be found in the journal without any other index.
"""

from functools import lru_cache
from typing import NamedTuple

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "pay_"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_TIME, _SHARD, _SEQUENCE, _INDEX = 11, 3, 8, 4
LENGTH = len(PREFIX) + _TIME + _SHARD + _SEQUENCE + _INDEX


class Place(NamedTuple):
    """Where a payment was first recorded."""

    at: int
    shard: int
    sequence: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs of a place


def _encode(value: int, width: int) -> str:
    characters = []
    for _ in range(width):
        characters.append(ALPHABET[value & 31])
        value >>= 5
    return "".join(reversed(characters))


_PAIRS = [_encode(value, 2) for value in range(1024)]


def payment_id(at: int, shard: int, sequence: int, index: int) -> str:
    """Return the id of the payment at this place; `at` in microseconds since 1970."""
    return record_prefix(at, shard, sequence) + suffix(index)


def suffix(index: int) -> str:
    """Return what the id of the payment with this index in its record ends with."""
    return _PAIRS[index >> 10] + _PAIRS[index & 1023]


@lru_cache(maxsize=256)
def record_prefix(at: int, shard: int, sequence: int) -> str:
    """Return what the ids of all payments of one record begin with."""
    return PREFIX + _encode(at, _TIME) + _encode(shard, _SHARD) + _encode(sequence, _SEQUENCE)


def parse_payment_id(text: str) -> Place | None:
    """Return the place that the id names, or None if it is not an id of ours."""
    if len(text) != LENGTH or not text.startswith(PREFIX):
        return None
    value = 0
    for character in text[len(PREFIX) :]:
        digit = _VALUES.get(character)
        if digit is None:
            return None
        value = value << 5 | digit
    index, value = value & (1 << 5 * _INDEX) - 1, value >> 5 * _INDEX
    sequence, value = value & (1 << 5 * _SEQUENCE) - 1, value >> 5 * _SEQUENCE
    shard, at = value & (1 << 5 * _SHARD) - 1, value >> 5 * _SHARD
    return Place(at, shard, sequence, index)
