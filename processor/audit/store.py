"""Where the auditor writes down how far it is, for everybody to read."""

import asyncio
from collections.abc import Collection
from typing import Protocol, Self

import msgspec

from processor.journal.age import seconds_behind
from processor.journal.interface import Journal
from processor.journal.postgres.link import Timeouts
from processor.journal.postgres.queries import load_queries
from processor.journal.postgres.readers import Readers

_QUERIES = load_queries("audits.sql")
_TIMEOUTS = Timeouts(connect_seconds=2.0, command_seconds=5.0)


class AuditRow(msgspec.Struct):
    """One shard's audit: read without a gap from record `since` to `sequence`, which is of `recorded_at` (microseconds).

    `compared`: how many accounts were compared with the live state and the read model. `divergence`: the first thing that did
    not agree, found at `divergence_sequence`.
    """

    shard: int
    since: int = 0
    sequence: int = 0
    recorded_at: int = 0
    compared: int = 0
    divergence: str | None = None
    divergence_sequence: int | None = None


class AuditStatus(msgspec.Struct, frozen=True):
    """An audit's row, and how far it is behind the journal. `lag_seconds`: the age of the oldest record without an audit, or 0."""

    row: AuditRow
    head: int
    lag_seconds: float = 0.0

    @property
    def lag_records(self) -> int:
        """How many records have not been audited yet."""
        return max(0, self.head - self.row.sequence)


class AuditStore(Protocol):
    """Keeps one row for each shard."""

    async def save(self, rows: list[AuditRow], told: Collection[int] = ()) -> set[int]:
        """Write rows down, but not those of the shards `told`, which were there before, if somebody has removed them since.

        Return the shards of those. Raises JournalUnavailable.
        """
        ...


class PostgresAuditStore:
    """Implements AuditStore."""

    def __init__(self, readers: Readers) -> None:
        """Use `connect` instead."""
        self._readers = readers

    @classmethod
    async def connect(cls, dsn: str) -> Self:
        """Return the store; its connections are made when they are needed."""
        return cls(await Readers.create(dsn, _TIMEOUTS))

    async def save(self, rows: list[AuditRow], told: Collection[int] = ()) -> set[int]:
        columns = zip(*(msgspec.structs.astuple(row) for row in rows), strict=True)
        saved = await self._readers.fetch(_QUERIES["save"], *(list(column) for column in columns), list(told))
        return {row.shard for row in rows} - {row["shard"] for row in saved}

    async def status(self, journal: Journal | None = None) -> list[AuditStatus]:
        """Return every shard's audit. `journal`: what is audited, if it is not in the same database. Raises JournalUnavailable."""
        rows = await self._readers.fetch(_QUERIES["status"])
        audits = [AuditStatus(AuditRow(*tuple(row)[:-2]), row["head"], row["seconds"]) for row in rows]
        if journal is None:
            return audits
        return list(await asyncio.gather(*(_behind(journal, audit.row) for audit in audits)))

    async def close(self) -> None:
        """Close the connections."""
        await self._readers.close()


async def _behind(journal: Journal, row: AuditRow) -> AuditStatus:
    head = (await journal.head(row.shard)).sequence
    return AuditStatus(row, head, await seconds_behind(journal, row.shard, row.sequence, head))
