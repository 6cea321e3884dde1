"""What the API reads from the projections: lists of payments, entries, past balances and statements."""

from collections.abc import AsyncIterator
from typing import Self

from processor.projections.entry_list import (
    BalancesAt,
    EntryLine,
    EntryPage,
    LinePlace,
    read_balances_at,
    read_entries,
    start_of,
)
from processor.projections.payment_filters import PaymentFilters
from processor.projections.payment_list import PaymentPage, read_payments
from processor.projections.snapshots import Snapshots, read_positions
from processor.projections.statement import Statement, StatementBounds, read_bounds, read_lines, read_statement

PAGE_MAX = 1_000


class ProjectionReader:
    """Reads, each of one snapshot, whose `positions` tell the newest record of each shard that is certainly in it.

    All may raise ProjectionUnavailable and ProjectionSlow. Limits are 1 to PAGE_MAX. Times are in microseconds.
    """

    def __init__(self, snapshots: Snapshots) -> None:
        """Use `connect` instead."""
        self._snapshots = snapshots

    @classmethod
    async def connect(cls, database_url: str) -> Self:
        """Return a reader. It connects at the first read, and again after every failure."""
        return cls(await Snapshots.create(database_url))

    async def close(self) -> None:
        """Close the connections; reads under way fail."""
        await self._snapshots.close()

    async def positions(self) -> dict[int, int]:
        """Return, for each shard, the newest record that the projections have taken in."""
        async with self._snapshots.snapshot() as connection:
            return await read_positions(connection)

    async def payments(self, filters: PaymentFilters, cursor: str | None, limit: int) -> PaymentPage:
        """Return payments that match, newest first, from where the cursor says. Raises BadCursor.

        What is paid in the meantime comes before the first page: it shifts none that follows.
        """
        _require_limit(limit)
        async with self._snapshots.snapshot() as connection:
            return await read_payments(connection, filters, cursor, limit)

    async def entries(self, account: str, before: LinePlace | None, limit: int) -> EntryPage:
        """Return the account's lines that moved money, newest first, those before the place (None: the newest)."""
        _require_limit(limit)
        async with self._snapshots.snapshot() as connection:
            return await read_entries(connection, account, before, limit)

    async def balances_at(self, account: str, at: int) -> BalancesAt:
        """Return the account's balances after everything that was recorded up to and including the instant."""
        async with self._snapshots.snapshot() as connection:
            return await read_balances_at(connection, account, at)

    async def statement(self, account: str, from_at: int, to_at: int, cursor: str | None, limit: int) -> Statement:
        """Return one page of the statement over `from_at <= at < to_at`. Raises BadCursor."""
        _require_limit(limit)
        async with self._snapshots.snapshot() as connection:
            return await read_statement(connection, account, from_at, to_at, cursor, limit)

    async def statement_bounds(self, account: str, from_at: int, to_at: int) -> StatementBounds:
        """Return the balances around a statement of any length, and what `statement_lines` needs to give its lines."""
        async with self._snapshots.snapshot() as connection:
            return await read_bounds(connection, account, from_at, start_of(to_at))

    async def statement_lines(self, bounds: StatementBounds) -> AsyncIterator[list[EntryLine]]:
        """Yield all lines of the statement, oldest first, in lists of at most PAGE_MAX.

        Between two lists no connection is held and no snapshot kept open, however slowly they are taken.
        """
        after, is_last = bounds.start, False
        while not is_last:
            async with self._snapshots.snapshot() as connection:
                lines = await read_lines(connection, bounds, after, PAGE_MAX)
            is_last = len(lines) < PAGE_MAX
            if lines:
                after = lines[-1].place
                yield lines


def _require_limit(limit: int) -> None:
    if not 1 <= limit <= PAGE_MAX:
        raise ValueError(f"limit: use 1 to {PAGE_MAX:,}")
