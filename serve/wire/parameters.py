"""Values in the query: limits, cursors, times, amounts. All raise Problem for what is not one."""

import re
import time

from processor.wire_values import parse_rfc3339
from serve.limits import AMOUNT_MAX, CLOCK_DIFFERENCE_SECONDS_MAX, CURSOR_CHARACTERS_MAX, PAGE_DEFAULT, PAGE_MAX
from serve.wire.problems import Problem, parameter_problem

_SPACED_OFFSET = re.compile(r" (\d\d:\d\d)$")
Query = dict[str, str]


def limit_of(query: Query) -> int:
    """Return how many items a page may have."""
    text = query.get("limit")
    if text is None:
        return PAGE_DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= PAGE_MAX):
        raise parameter_problem("limit", f"must be a whole number from 1 to {PAGE_MAX}")
    return int(text)


def cursor_of(query: Query) -> str | None:
    """Return the cursor, which may yet turn out not to be one of ours."""
    cursor = query.get("cursor")
    if cursor is not None and not (0 < len(cursor) <= CURSOR_CHARACTERS_MAX and cursor.isascii() and cursor.isprintable()):
        raise bad_cursor()
    return cursor


def bad_cursor() -> Problem:
    """Return the problem of a cursor that was not issued for this list."""
    return parameter_problem("cursor", "send the `next_cursor` of the page before unchanged, with the same filters")


def time_of(query: Query, name: str) -> int | None:
    """Return a time in microseconds."""
    text = query.get(name)
    if text is None:
        return None
    # An offset's plus sign that was not escaped has become a space.
    at = parse_rfc3339(_SPACED_OFFSET.sub(r"+\1", text))
    if at is None:
        raise parameter_problem(name, "must be an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z")
    return at


def past_time_of(query: Query, name: str) -> int | None:
    """Return a time in microseconds that does not lie in the future, but for clocks that differ."""
    at = time_of(query, name)
    if at is not None and at > (time.time() + CLOCK_DIFFERENCE_SECONDS_MAX) * 1_000_000:
        raise parameter_problem(name, "lies in the future, where nothing is known yet")
    return at


def amount_of(query: Query, name: str) -> int | None:
    """Return an amount in minor units."""
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= AMOUNT_MAX):
        raise parameter_problem(name, "must be a whole number of minor units, from 0 to 9223372036854775807")
    return int(text)
