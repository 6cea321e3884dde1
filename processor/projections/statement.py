"""An account's statement: what it had, what came in and went out, and what it had then.

Lines are never changed or taken back, and new ones come after all others. So once its last line is known, a statement can be read
in as many snapshots as there are pages, and is the same as if it had been read in one.
"""

import asyncpg
import msgspec

from processor.projections.cursors import read_cursor, write_cursor
from processor.projections.entry_list import EntryLine, LinePlace, entry_line, newest_before, start_of
from processor.projections.queries import load_queries
from processor.projections.snapshots import read_positions

_QUERIES = load_queries("reader.sql")


class StatementBounds(msgspec.Struct, frozen=True):
    """Which lines a statement has: those after `start`, up to and including `end` (None: it has none).

    `opening` and `closing` are the posted balances around them, `positions` (sequence by shard) how far the journal was known.
    """

    account: str
    start: LinePlace
    end: LinePlace | None
    opening: int
    closing: int
    positions: dict[int, int]


class Statement(msgspec.Struct, frozen=True):
    """One page of a statement, oldest line first. The balances and the totals, none negative, are of the whole statement."""

    opening: int
    closing: int
    debits: int
    credits: int
    lines: list[EntryLine]
    next_cursor: str | None
    positions: dict[int, int]


async def read_bounds(connection: asyncpg.Connection, account: str, from_at: int, before: LinePlace) -> StatementBounds:
    """Return the bounds of the statement that begins at the instant (microseconds) and has lines before the place."""
    start = start_of(from_at)
    opening = await newest_before(connection, account, start)
    closing = await newest_before(connection, account, max(start, before))
    return StatementBounds(
        account=account,
        start=start,
        end=closing.place if closing is not None and closing.place > start else None,
        opening=opening.posted if opening is not None else 0,
        closing=closing.posted if closing is not None else 0,
        positions=await read_positions(connection),
    )


async def read_lines(connection: asyncpg.Connection, bounds: StatementBounds, after: LinePlace, limit: int) -> list[EntryLine]:
    """Return the statement's lines that come after the place, oldest first."""
    if bounds.end is None:
        return []
    rows = await connection.fetch(_QUERIES["statement_lines"], bounds.account, *after, *bounds.end, limit)
    return [entry_line(row) for row in rows]


async def read_statement(
    connection: asyncpg.Connection, account: str, from_at: int, to_at: int, cursor: str | None, limit: int
) -> Statement:
    """Return the page that begins where the cursor says (None: the first) of the statement over `from_at <= at < to_at`.

    All pages are of the same lines: those that there were at the first. Raises BadCursor.
    """
    question = ("statement", account, from_at, to_at)
    after, before = start_of(from_at), start_of(to_at)
    if cursor is not None:
        numbers = read_cursor(question, cursor, 6)
        after, before = LinePlace(*numbers[:3]), LinePlace(*numbers[3:])
    bounds = await read_bounds(connection, account, from_at, before)
    lines = await read_lines(connection, bounds, after, limit + 1)
    next_cursor = None
    if len(lines) > limit and bounds.end is not None:
        right_after_end = bounds.end._replace(line=bounds.end.line + 1)
        next_cursor = write_cursor(question, (*lines[limit - 1].place, *right_after_end))
    debits, credited = await _totals(connection, bounds)
    return Statement(bounds.opening, bounds.closing, debits, credited, lines[:limit], next_cursor, bounds.positions)


async def _totals(connection: asyncpg.Connection, bounds: StatementBounds) -> tuple[int, int]:
    if bounds.end is None:
        return 0, 0
    row = await connection.fetchrow(_QUERIES["statement_totals"], bounds.account, *bounds.start, *bounds.end)
    return int(row["debits"]), int(row["credits"])
