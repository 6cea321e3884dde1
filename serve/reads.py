"""What the HTTP layer reads of the past: lists, entries, statements. `serve.projected_reads` implements it."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from actors.errors import LedgerError
from processor.audit.store import AuditStatus
from processor.bridges.status import BridgeStatus
from processor.core.ids import Place
from processor.core.messages import Kind
from processor.eventlog.log import EventLog
from processor.journal.postgres.connections import DatabaseConnections
from processor.projections.entry_list import BalancesAt
from processor.projections.lag import ShardLag
from processor.projections.payment_filters import PaymentFilters
from processor.projections.payment_list import PaymentPage

__all__ = ["BadCursor", "Entry", "EntryPage", "ReadTooSlow", "Reads", "ReadsUnavailable", "Statement", "StatementFile"]


class BadCursor(LedgerError):
    """The cursor was not issued for this list with these filters."""


class ReadsUnavailable(LedgerError):
    """The projections cannot be read now."""


class ReadTooSlow(LedgerError):
    """The read was given up because it took too long."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line on one account. `amount` is negative for a debit; `posted` is the balance after it; `at` in microseconds."""

    payment: Place
    kind: Kind
    amount: int
    posted: int
    at: int
    sequence: int


class EntryPage(msgspec.Struct, frozen=True):
    """Entries of an account, newest first."""

    entries: list[Entry]
    next_cursor: str | None


class Statement(msgspec.Struct, frozen=True):
    """A page of a statement, oldest line first; balances and totals are of the whole statement."""

    opening: int
    closing: int
    debits: int
    credits: int
    entries: list[Entry]
    next_cursor: str | None


class StatementFile(msgspec.Struct, frozen=True):
    """A whole statement: `pages` gives its lines, oldest first, as they are read. Raises as `Reads` does, also on the way."""

    opening: int
    closing: int
    pages: AsyncIterator[list[Entry]]


class Reads(Protocol):
    """The past. Times are in microseconds. All raise ReadsUnavailable and ReadTooSlow."""

    @property
    def events(self) -> EventLog:
        """The published events. It raises what the journal raises."""
        ...

    async def positions(self) -> dict[int, int]:
        """Return, for each shard, the newest record that lists show."""
        ...

    async def covers(self, shard: int, sequence: int, before_at: int) -> bool:
        """Whether the past shows all records of the shard up to `sequence`, or at least all from before that time.

        Raises ShardUnavailable.
        """
        ...

    async def payments(self, filters: PaymentFilters, cursor: str | None, limit: int) -> PaymentPage:
        """Return a page of payments, newest first. Raises BadCursor."""
        ...

    async def entries(self, shard: int, account: str, last_sequence: int, cursor: str | None, limit: int) -> EntryPage:
        """Return a page of the account's entries, exact up to its newest one, which is in the record `last_sequence`.

        Raises BadCursor, ShardUnavailable.
        """
        ...

    async def balances_at(self, account: str, at: int) -> BalancesAt:
        """Return the account's balances of that instant."""
        ...

    async def statement(self, account: str, from_at: int, to_at: int, cursor: str | None, limit: int) -> Statement:
        """Return a page of the account's statement over `from_at <= at < to_at`. Raises BadCursor."""
        ...

    async def statement_file(self, account: str, from_at: int, to_at: int) -> StatementFile:
        """Return the account's statement over `from_at <= at < to_at`, whole."""
        ...

    async def lag(self) -> list[ShardLag]:
        """Return how far the lists are behind each shard's journal."""
        ...

    async def mirror_lag(self) -> dict[int, float]:
        """Return, for each shard, the age in seconds of the oldest record that a mirrored journal's mirror lacks, or 0."""
        ...

    async def connections(self) -> DatabaseConnections:
        """Return how many of the database's connections are taken."""
        ...

    async def audits(self) -> list[AuditStatus]:
        """Return how far the auditor is with each shard, and what it has found."""
        ...

    async def bridges(self) -> list[BridgeStatus]:
        """Return how the bridges are doing, as it was not more than about a second ago."""
        ...
