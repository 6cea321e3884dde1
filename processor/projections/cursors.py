"""Opaque cursors: where a page ended, and a digest of what was asked, so that no cursor is used for another list."""

import base64
import binascii
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

_DIGEST_BYTES = 8
_NUMBER_MAX = 2**63 - 1

_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(tuple[bytes, list[int]]).decode


class BadCursor(Exception):
    """The cursor was not issued for this list with these filters."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "the cursor belongs to another list or other filters: send `next_cursor` unchanged, with the same filters"
        )


def write_cursor(question: Sequence[object], numbers: Sequence[int]) -> str:
    """Return a cursor for the list that answers the question: its name and its filters."""
    content = _encode((_digest(question), numbers))
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")


def read_cursor(question: Sequence[object], cursor: str, count: int) -> list[int]:
    """Return the `count` numbers, none negative, that the cursor was written with. Raises BadCursor."""
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, numbers = _decode(content)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise BadCursor from None
    if digest != _digest(question) or len(numbers) != count or not all(0 <= number <= _NUMBER_MAX for number in numbers):
        raise BadCursor
    return numbers


def _digest(question: Sequence[object]) -> bytes:
    return blake2b(_encode(question), digest_size=_DIGEST_BYTES).digest()
