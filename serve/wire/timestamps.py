"""Times on the wire: RFC 3339 in UTC with microseconds. Inside they are integers, microseconds since 1970."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import msgspec

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
