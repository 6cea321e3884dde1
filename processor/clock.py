"""The only reader of the wall clock for what the ledger records."""

from time import time_ns


def now_microseconds() -> int:
    """Return the time in microseconds since 1970 in UTC."""
    return time_ns() // 1000
