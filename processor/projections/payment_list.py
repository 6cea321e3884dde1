"""Pages of payments, newest first."""

import asyncpg
import msgspec

from processor.core.ids import Place
from processor.core.messages import Leg, Metadata, PaymentView
from processor.projections.cursors import read_cursor, write_cursor
from processor.projections.payment_filters import PaymentFilters
from processor.projections.payment_query import PaymentQuery
from processor.projections.rows import decode_legs
from processor.projections.snapshots import read_positions

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
    query = PaymentQuery(filters, after, limit + 1)  # One more tells whether another page follows.
    rows = await connection.fetch(query.text, *query.arguments)
    next_cursor = None
    if len(rows) > limit:
        last = rows[limit - 1]
        next_cursor = write_cursor(question, (last["at"], last["shard"], last["sequence"], last["index"]))
    return PaymentPage([_listed(row) for row in rows[:limit]], next_cursor, await read_positions(connection))


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
