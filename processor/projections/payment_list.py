"""Pages of payments, newest first."""

import asyncpg
import msgspec

from processor.core.ids import Place
from processor.core.messages import Leg, Metadata, PaymentView
from processor.projections.cursors import read_cursor, write_cursor
from processor.projections.payment_filters import PaymentFilters
from processor.projections.payment_query import Statement, needs_window, page_statement, search_statement, window_statement
from processor.projections.rows import decode_legs
from processor.projections.snapshots import read_positions

_END = 2**63 - 1
# How much farther back than the window a page is searched for, before all that match are collected from the list's beginning on.
_SEARCH_BACK_TIMES = 50
_decode_metadata = msgspec.json.Decoder(Metadata).decode


class Listed(msgspec.Struct, frozen=True):
    """A payment in a list. `shard` is its home, the part of its place that a view leaves out."""

    shard: int
    view: PaymentView


class PaymentPage(msgspec.Struct, frozen=True):
    """Payments, newest first, as they stood at `positions` (sequence by shard). `next_cursor` is None at the list's end."""

    payments: list[Listed]
    next_cursor: str | None
    positions: dict[int, int]


async def read_payments(connection: asyncpg.Connection, filters: PaymentFilters, cursor: str | None, limit: int) -> PaymentPage:
    """Return the page that begins where the cursor says (None: the first). Raises BadCursor."""
    question = ("payments", filters)
    after = Place(*read_cursor(question, cursor, 4)) if cursor is not None else None
    rows = await _find(connection, filters, after, limit + 1)  # One more tells whether another page follows.
    next_cursor = None
    if len(rows) > limit:
        last = rows[limit - 1]
        next_cursor = write_cursor(question, (last["at"], last["shard"], last["sequence"], last["index"]))
    return PaymentPage([_listed(row) for row in rows[:limit]], next_cursor, await read_positions(connection))


async def _find(connection: asyncpg.Connection, filters: PaymentFilters, after: Place | None, limit: int) -> list[asyncpg.Record]:
    if not needs_window(filters):
        return await _fetch(connection, page_statement(filters, after, limit))
    ends = await _fetch(connection, window_statement(filters, after))
    floor = Place(*ends[0][:4]) if ends else None
    rows = await _fetch(connection, page_statement(filters, after, limit, floor))
    if floor is None or len(rows) == limit:
        return rows
    begins = min(after.at if after is not None else _END, filters.created_lt or _END, ends[0]["newest"])
    since = begins - _SEARCH_BACK_TIMES * (begins - floor.at)
    rows = await _fetch(connection, search_statement(filters, after, since, limit))
    if len(rows) == limit:
        return rows
    return await _fetch(connection, search_statement(filters, after, None, limit))


async def _fetch(connection: asyncpg.Connection, statement: Statement) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(statement.text, *statement.arguments)
    return rows


def _listed(row: asyncpg.Record) -> Listed:
    if row["legs"] is None:
        legs: tuple[Leg, ...] = (Leg(row["from_account"], row["to_account"], row["amount"], row["currency"]),)
    else:
        legs = decode_legs(row["legs"])
    held, captured, refunded = row["held"], row["captured"], row["refunded"]
    nothing = (0,) * len(legs)
    view = PaymentView(
        at=row["at"],
        sequence=row["sequence"],
        index=row["index"],
        status=row["status"],
        legs=legs,
        held=tuple(held) if held is not None else nothing,
        captured=tuple(captured) if captured is not None else tuple(leg.amount for leg in legs),
        refunded=tuple(refunded) if refunded is not None else nothing,
        expires_at=row["expires_at"],
        reference=row["reference"],
        metadata=_decode_metadata(row["metadata"]) if row["metadata"] is not None else None,
        changed=row["changed"],
    )
    return Listed(row["shard"], view)
