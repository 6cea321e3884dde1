"""The past, from the projections; an account's newest entries, which these may not have yet, from the journal."""

import base64
import binascii
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from typing import Self

from actors.errors import ShardUnavailable
from actors.router import RETRY_AFTER_SECONDS
from processor.audit.store import AuditStatus, PostgresAuditStore
from processor.bridges.status import BridgeBoard, BridgeStatus
from processor.eventlog.log import EventLog
from processor.history import HistoryTooLong, Line, walk
from processor.journal.choice import Mirroring, apart
from processor.journal.interface import Journal, JournalCorrupt, JournalUnavailable
from processor.journal.postgres.connections import DatabaseConnections, read_connections
from processor.journal.postgres.link import Timeouts
from processor.journal.postgres.readers import Readers
from processor.projections import cursors
from processor.projections.entry_list import BalancesAt, EntryLine, LinePlace
from processor.projections.lag import ShardLag, read_lag
from processor.projections.payment_filters import PaymentFilters
from processor.projections.payment_list import PaymentPage
from processor.projections.reader import ProjectionReader
from processor.projections.snapshots import ProjectionSlow, ProjectionUnavailable
from processor.projections.statement import StatementBounds
from serve.reads import BadCursor, Entry, EntryPage, ReadsUnavailable, ReadTooSlow, Statement, StatementFile

_TIMEOUTS = Timeouts(connect_seconds=2.0, command_seconds=2.0)


class ProjectedReads:
    """Implements serve.reads.Reads."""

    def __init__(
        self, journal: Journal, shards: int, reader: ProjectionReader, lag_readers: Readers, bridges: Collection[str]
    ) -> None:
        """Use `connect` instead."""
        self._journal = journal
        self._events = EventLog(journal, shards)
        self._reader = reader
        self._lag_readers = lag_readers
        self._audits = PostgresAuditStore(lag_readers)
        self._bridges = BridgeBoard(lag_readers.fetch, journal, bridges)

    @classmethod
    async def connect(cls, database_url: str, journal: Journal, bridges: Collection[str] = ()) -> Self:
        """Return the reads of the projections in this database, where these bridges should run. It connects when first asked."""
        reader, lag_readers = await ProjectionReader.connect(database_url), await Readers.create(database_url, _TIMEOUTS)
        return cls(journal, await journal.shard_count(), reader, lag_readers, bridges)

    async def close(self) -> None:
        """Close all connections but the journal's."""
        await self._reader.close()
        await self._lag_readers.close()

    @property
    def events(self) -> EventLog:
        """The published events."""
        return self._events

    async def positions(self) -> dict[int, int]:
        """Return, for each shard, the newest record that lists show."""
        with _failures():
            return await self._reader.positions()

    async def covers(self, shard: int, sequence: int, before_at: int) -> bool:
        """Whether the past shows all records of the shard up to `sequence`, or at least all from before that time."""
        position = (await self.positions()).get(shard, 0)
        if position >= sequence:
            return True
        try:
            record = await self._journal.record(shard, position) if position else None
        except JournalUnavailable as error:
            raise ShardUnavailable(shard, RETRY_AFTER_SECONDS) from error
        # Time never goes back within a shard.
        return record is not None and record.at >= before_at

    async def payments(self, filters: PaymentFilters, cursor: str | None, limit: int) -> PaymentPage:
        """Return a page of payments."""
        with _failures():
            return await self._reader.payments(filters, cursor, limit)

    async def entries(self, shard: int, account: str, last_sequence: int, cursor: str | None, limit: int) -> EntryPage:
        """Return a page of entries: those that the projections may lack by walking back from the newest."""
        start, skip = (last_sequence, 0) if cursor is None else _read_cursor(cursor)
        projected = await self._position(shard)
        try:
            if cursor is None and start <= projected:
                found = await self._older(account, None, limit + 1)
            else:
                found = await self._walked(shard, account, start, skip, projected, limit + 1)
        except (JournalUnavailable, HistoryTooLong) as error:
            raise ShardUnavailable(shard, RETRY_AFTER_SECONDS) from error
        except JournalCorrupt:
            if cursor is not None and await self._is_foreign(shard, account, start):
                raise BadCursor from None
            raise
        page = found[:limit]
        return EntryPage(page, _write_cursor(page, start, skip) if len(found) > limit else None)

    async def _walked(self, shard: int, account: str, start: int, skip: int, projected: int, limit: int) -> list[Entry]:
        """Return the newest entries from the record `start` on, less the `skip` newest in it; at most `limit`."""
        found: list[Entry] = []
        async for step in walk(self._journal, shard, account, start):
            newest_first = [_of_line(line) for line in reversed(step.lines)]
            found += newest_first[skip if step.sequence == start else 0 :]
            if len(found) >= limit:
                break
            if step.previous <= projected:
                if step.previous:
                    found += await self._older(account, LinePlace(step.at, step.sequence, 0), limit - len(found))
                break
        return found[:limit]

    async def _older(self, account: str, before: LinePlace | None, limit: int) -> list[Entry]:
        with _failures():
            page = await self._reader.entries(account, before, limit)
        return [_of_projected(line) for line in page.lines]

    async def _position(self, shard: int) -> int:
        """Return the newest record of the shard that the projections have; 0 if they cannot be asked: the journal has it all."""
        try:
            return (await self.positions()).get(shard, 0)
        except (ReadsUnavailable, ReadTooSlow):
            return 0

    async def _is_foreign(self, shard: int, account: str, sequence: int) -> bool:
        """Whether the record has no entry of the account, so that no cursor of the account's can name it."""
        try:
            async for _ in walk(self._journal, shard, account, sequence):
                return False
        except JournalCorrupt:
            return True
        return True

    async def balances_at(self, account: str, at: int) -> BalancesAt:
        """Return the balances of that instant."""
        with _failures():
            return await self._reader.balances_at(account, at)

    async def statement(self, account: str, from_at: int, to_at: int, cursor: str | None, limit: int) -> Statement:
        """Return a page of a statement."""
        with _failures():
            page = await self._reader.statement(account, from_at, to_at, cursor, limit)
        entries = [_of_projected(line) for line in page.lines]
        return Statement(page.opening, page.closing, page.debits, page.credits, entries, page.next_cursor)

    async def statement_file(self, account: str, from_at: int, to_at: int) -> StatementFile:
        """Return a whole statement."""
        with _failures():
            bounds = await self._reader.statement_bounds(account, from_at, to_at)
        return StatementFile(bounds.opening, bounds.closing, self._statement_pages(bounds))

    async def _statement_pages(self, bounds: StatementBounds) -> AsyncIterator[list[Entry]]:
        with _failures():
            async for lines in self._reader.statement_lines(bounds):
                yield [_of_projected(line) for line in lines]

    async def audits(self) -> list[AuditStatus]:
        """Return how far the auditor is."""
        try:
            return await self._audits.status(apart(self._journal))
        except JournalUnavailable as error:
            raise ReadsUnavailable("the auditor's table cannot be read") from error

    async def bridges(self) -> list[BridgeStatus]:
        """Return how the bridges are doing."""
        try:
            return await self._bridges.statuses()
        except (JournalUnavailable, JournalCorrupt) as error:
            raise ReadsUnavailable("the bridges' tables, or the journal, cannot be read") from error

    async def mirror_lag(self) -> dict[int, float]:
        """Return how far the mirror is behind; nothing if there is none."""
        try:
            return await self._journal.mirror_lag() if isinstance(self._journal, Mirroring) else {}
        except JournalUnavailable as error:
            raise ReadsUnavailable("the journal or its mirror cannot be read") from error

    async def connections(self) -> DatabaseConnections:
        """Return how many of the database's connections are taken."""
        try:
            return await read_connections(self._lag_readers)
        except JournalUnavailable as error:
            raise ReadsUnavailable(str(error)) from error

    async def lag(self) -> list[ShardLag]:
        """Return how far the lists are behind each shard's journal."""
        try:
            return await read_lag(self._lag_readers, apart(self._journal))
        except JournalUnavailable as error:
            raise ReadsUnavailable(str(error)) from error


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except ProjectionUnavailable as error:
        raise ReadsUnavailable(str(error)) from error
    except ProjectionSlow as error:
        raise ReadTooSlow(str(error)) from error
    except cursors.BadCursor as error:
        raise BadCursor(str(error)) from error


def _of_line(line: Line) -> Entry:
    return Entry(line.payment, line.kind, line.amount, line.posted, line.at, line.sequence)


def _of_projected(line: EntryLine) -> Entry:
    return Entry(line.payment, line.kind, line.amount, line.posted, line.place.at, line.place.sequence)


def _write_cursor(page: list[Entry], start: int, skipped: int) -> str:
    """Return where the next page goes on: the record of the page's last entry, and how many of its newest are shown by then."""
    sequence = page[-1].sequence
    shown = sum(entry.sequence == sequence for entry in page) + (skipped if sequence == start else 0)
    return base64.urlsafe_b64encode(f"{sequence}.{shown}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[int, int]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        sequence, _, shown = text.partition(".")
        start, skip = int(sequence), int(shown)
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    if not 1 <= start < 2**63 or not 0 < skip < 2**63:
        raise BadCursor
    return start, skip
