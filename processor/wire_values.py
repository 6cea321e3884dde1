"""How times and money stand in JSON: what the HTTP interface, the published events and every other text for outsiders share.

Times are RFC 3339 in UTC with microseconds; inside they are integers, microseconds since 1970. Money is an integer in minor units
as far as every JSON parser reads it exactly, and decimal text beyond.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import msgspec

SAFE_INTEGER_MAX = 2**53 - 1
"""The largest integer that every JSON parser reads exactly (RFC 8259, section 6)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def rfc3339(at: int) -> str:
    """Return the time in microseconds since 1970 as text, for example `2026-01-31T12:00:00.000001Z`."""
    seconds, microseconds = divmod(at, 1_000_000)
    return f"{_second(seconds)}.{microseconds:06d}Z"


def parse_rfc3339(text: str) -> int | None:
    """Return the microseconds since 1970 that the text names, or None if it is not an RFC 3339 time with a zone."""
    try:
        return (msgspec.convert(text, _Instant) - _EPOCH) // _MICROSECOND
    except (msgspec.ValidationError, OverflowError):
        return None


def money(value: int) -> int | str:
    """Return the value as JSON has it: an integer as far as every parser reads it exactly, a string beyond."""
    return value if -SAFE_INTEGER_MAX <= value <= SAFE_INTEGER_MAX else str(value)
