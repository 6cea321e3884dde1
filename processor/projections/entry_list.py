"""An account's lines, newest first, and its balances at an instant."""

from typing import NamedTuple

import asyncpg
import msgspec

from processor.core.ids import Place
from processor.core.messages import Kind
from processor.projections.queries import load_queries
from processor.projections.snapshots import read_positions

_QUERIES = load_queries("reader.sql")


class LinePlace(NamedTuple):
    """Where an account's line stands among the account's lines: they are ordered by it, and `at` never contradicts `sequence`."""

    at: int
    sequence: int
    line: int


END = LinePlace(2**63 - 1, 0, 0)
"""After every line."""


def start_of(at: int) -> LinePlace:
    """Return the place right before all lines of an instant (microseconds): sequences begin with 1."""
    return LinePlace(at, 0, 0)


class EntryLine(msgspec.Struct, frozen=True):
    """A line that moved money: a negative amount is a debit. `posted` is the balance after it; `payment` the payment's place."""

    place: LinePlace
    kind: Kind
    amount: int
    posted: int
    payment: Place


class EntryPage(msgspec.Struct, frozen=True):
    """An account's lines, newest first, complete up to `positions` (sequence by shard)."""

    lines: list[EntryLine]
    has_more: bool
    positions: dict[int, int]


class Balances(msgspec.Struct, frozen=True):
    """An account's balances after its line at `place`."""

    place: LinePlace
    posted: int
    pending_out: int
    pending_in: int


class BalancesAt(msgspec.Struct, frozen=True):
    """The balances at an instant (None: the account had no line yet), as far as is known at `positions` (sequence by shard)."""

    balances: Balances | None
    positions: dict[int, int]


async def read_entries(connection: asyncpg.Connection, account: str, before: LinePlace | None, limit: int) -> EntryPage:
    """Return the newest lines that come before the place (None: the newest of all)."""
    rows = await connection.fetch(_QUERIES["entries"], account, *(before or END), limit + 1)
    return EntryPage([entry_line(row) for row in rows[:limit]], len(rows) > limit, await read_positions(connection))


async def read_balances_at(connection: asyncpg.Connection, account: str, at: int) -> BalancesAt:
    """Return the balances after everything that was recorded up to and including the instant."""
    return BalancesAt(await newest_before(connection, account, start_of(at + 1)), await read_positions(connection))


async def newest_before(connection: asyncpg.Connection, account: str, place: LinePlace) -> Balances | None:
    """Return the balances after the newest line before the place, or None if there is none."""
    row = await connection.fetchrow(_QUERIES["newest_line"], account, *place)
    if row is None:
        return None
    place = LinePlace(row["at"], row["sequence"], row["line"])
    return Balances(place, row["posted"], row["pending_out"], row["pending_in"])


def entry_line(row: asyncpg.Record) -> EntryLine:
    """Return the line that the row tells."""
    payment = Place(row["payment_at"], row["payment_shard"], row["payment_sequence"], row["payment_index"])
    return EntryLine(LinePlace(row["at"], row["sequence"], row["line"]), Kind(row["kind"]), row["amount"], row["posted"], payment)
