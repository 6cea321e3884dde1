"""The journal in PostgreSQL: a table of records, written by one statement per commit."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Self

import asyncpg

from processor.journal.batch import fence_record, in_shard_order
from processor.journal.chain import Chain, check_stored
from processor.journal.interface import Fenced, Head, JournalUnavailable, Snapshot
from processor.journal.postgres.ledger import read_shard_count
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link, Timeouts
from processor.journal.postgres.queries import load_queries
from processor.journal.postgres.readers import Readers
from processor.journal.postgres.snapshots import SnapshotTable
from processor.journal.record import NO_HASH, Record

_QUERIES = load_queries("journal.sql")
APPEND = _QUERIES["append"]
TAIL = _QUERIES["tail"]
_NOTHING_INSERTED = "INSERT 0 0"
_PAGE_BYTES = 8 * 1024 * 1024
# So many records are looked at to fill a tail as if all were this small: enough for records of one payment each.
_RECORD_BYTES_MIN = 256
_NEWEST = 2**63 - 1
# Each attempt can be overtaken by one statement that an earlier owner had under way.
_FENCE_ATTEMPTS = 16


def append_arguments(records: Sequence[Record]) -> list[tuple[int | bytes, ...]]:
    """Return the arguments of the query `append`: one array for each column."""
    rows = [
        (record.shard, record.sequence, record.epoch, record.at, record.previous_hash, record.hash(), record.frame())
        for record in in_shard_order(records)
    ]
    return list(zip(*rows, strict=True))


class PostgresJournal:
    """Implements Journal. Appends have a connection of their own, so that no reader holds them up."""

    def __init__(self, shards: int, writer: Link, readers: Readers) -> None:
        """Use `connect` instead."""
        self._shards = shards
        self._writer = writer
        self._readers = readers
        self._snapshots = SnapshotTable(readers)

    @classmethod
    async def connect(cls, dsn: str, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> Self:
        """Return a journal that is ready to be used. Raises JournalUnavailable, and LedgerUnusable if it must not be used."""
        writer = Link(dsn, timeouts, durable=True)
        shards = await read_shard_count(writer)
        return cls(shards, writer, await Readers.create(dsn, timeouts))

    async def close(self) -> None:
        """Close all connections."""
        await self._writer.close()
        await self._readers.close()

    async def shard_count(self) -> int:
        return self._shards

    async def open(self, shard: int, epoch: int, at: int) -> Head:
        for _ in range(_FENCE_ATTEMPTS):
            head = await self.head(shard)
            if head.epoch != epoch:
                raise Fenced(f"shard {shard}: epoch {epoch} is not the newest, {head.epoch}")
            # Read whole, for its time, and because a damaged record must not get a successor.
            newest = await self.record(shard, head.sequence)
            fence = fence_record(shard, epoch, at, newest)
            try:
                await self.append([fence])
            except Fenced:
                continue  # An earlier owner's last statement took the sequence, or a newer owner the shard: look again.
            return Head(shard, epoch, fence.sequence, fence.hash())
        raise JournalUnavailable(f"shard {shard}: others kept writing to it while it was being opened")

    async def append(self, records: Sequence[Record]) -> None:
        if not records:
            return
        try:
            status = await self._writer.execute(APPEND, *append_arguments(records))
        except asyncpg.UniqueViolationError:
            status = _NOTHING_INSERTED
        if status == _NOTHING_INSERTED:
            places = ", ".join(f"{record.shard}:{record.sequence}" for record in records)
            raise Fenced(f"another writer has opened, or written to, one of the shards (shard:sequence {places})")

    async def confirm(self, epochs: Sequence[tuple[int, int]]) -> None:
        shards, newest = [shard for shard, _ in epochs], [epoch for _, epoch in epochs]
        [row] = await self._readers.fetch(_QUERIES["count_newest_epochs"], shards, newest)
        if row["count"] != len(epochs):
            raise Fenced("another host has claimed one of the shards")

    async def head(self, shard: int) -> Head:
        rows = await self._readers.fetch(_QUERIES["head"], shard)
        if not rows:
            raise ValueError(f"shard {shard} is not one of the ledger's {self._shards} shards")
        return Head(shard, rows[0]["epoch"], rows[0]["sequence"] or 0, rows[0]["hash"] or NO_HASH)

    async def heads_at_once(self) -> list[Head]:
        """Return all heads as of one moment: of every append all records are before them, or none."""
        rows = await self._readers.fetch(_QUERIES["heads"])
        return [Head(row["shard"], row["epoch"], row["sequence"] or 0, row["hash"] or NO_HASH) for row in rows]

    async def read(self, shard: int, after: int, until: int | None = None) -> AsyncIterator[Record]:
        chain = Chain(shard, after)
        last = _NEWEST if until is None else until
        while after < last:
            rows = await self._readers.fetch(_QUERIES["read_page"], shard, after, last, _PAGE_BYTES)
            if not rows:
                return
            for row in rows:
                yield chain.check(row["sequence"], row["hash"], row["frame"])
            after = rows[-1]["sequence"]

    async def tail(self, after: Mapping[int, int], limit_bytes: int) -> list[Record]:
        each = max(1, limit_bytes // _RECORD_BYTES_MIN // max(1, len(after)))
        rows = await self._readers.fetch(TAIL, list(after), list(after.values()), each, limit_bytes)
        return [check_stored(row["shard"], row["sequence"], row["hash"], row["frame"]) for row in rows]

    async def appended_after(self, after: Mapping[int, int], each: int, limit_bytes: int) -> list[tuple[int, Record]]:
        """Return the next records of several shards, at most `each` of one, with a number that records of one append share.

        An append is there as a whole or not at all, and each comes after what it needs: what comes first can be made part of
        another store, append by append, and that store has no gap at any time. At least one append if there is any.
        Raises JournalCorrupt, JournalUnavailable.
        """
        rows = await self._readers.fetch(_QUERIES["appended_after"], list(after), list(after.values()), each, limit_bytes)
        return [(row["append"], check_stored(row["shard"], row["sequence"], row["hash"], row["frame"])) for row in rows]

    async def restore(self, records: Sequence[Record]) -> None:
        """Put back records of one shard, in order, that another store has: nobody may write to the shard meanwhile.

        Raises JournalUnavailable, and asyncpg's UniqueViolationError if one is there already.
        """
        columns = zip(*((r.shard, r.sequence, r.epoch, r.at, r.hash(), r.frame()) for r in records), strict=True)
        await self._writer.execute(_QUERIES["restore"], *map(list, columns))

    async def restore_epoch(self, shard: int, epoch: int) -> None:
        """Let the shard's next owner have a higher epoch than this."""
        await self._writer.execute(_QUERIES["restore_epoch"], shard, epoch)

    async def record(self, shard: int, sequence: int) -> Record | None:
        rows = await self._readers.fetch(_QUERIES["read_record"], shard, sequence)
        return check_stored(shard, sequence, rows[0]["hash"], rows[0]["frame"]) if rows else None

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        await self._snapshots.save(snapshot)

    async def latest_snapshot(self, shard: int) -> Snapshot | None:
        return await self._snapshots.latest(shard)
