"""The journal in a DynamoDB table: one transaction per commit, over the heads of its shards and their new records."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Self

from processor.journal.batch import fence_record, in_shard_order
from processor.journal.chain import Chain
from processor.journal.dynamodb.append import append, stored_hashes
from processor.journal.dynamodb.frames import read_frame, read_record
from processor.journal.dynamodb.heads import read_head, read_heads
from processor.journal.dynamodb.items import record_key
from processor.journal.dynamodb.ledger import is_complete, read_shard_count
from processor.journal.dynamodb.link import Link, Refused
from processor.journal.dynamodb.pages import read_page
from processor.journal.dynamodb.snapshots import Snapshots
from processor.journal.dynamodb.tail import Tail
from processor.journal.interface import Fenced, Head, JournalCorrupt, JournalUnavailable, LedgerUnusable, Snapshot
from processor.journal.record import Record
from processor.settings import Settings

# Each attempt can be overtaken by an append of the same epoch that was under way when the shard was opened again.
_FENCE_ATTEMPTS = 16
# A record is to be seen a moment after its head, since items that one transaction has written appear one by one.
_LOOKS = 20
_LOOK_AGAIN_SECONDS = 0.05
_PAGE_RECORDS = 1000
_WRITER_THREADS, _READER_THREADS = 8, 16


class DynamoDbJournal:
    """Implements Journal. Appends have connections and threads of their own, so that no reader holds them up."""

    may_be_incomplete = False

    def __init__(self, shards: int, writer: Link, readers: Link) -> None:
        """Use `connect` instead."""
        self._shards = shards
        self._writer = writer
        self._readers = readers
        self._snapshots = Snapshots(readers)
        self._tail = Tail(readers)

    @classmethod
    async def connect(cls, settings: Settings) -> Self:
        """Return a journal that is ready to be used. Raises JournalUnavailable, and LedgerUnusable if it must not be used."""
        readers = Link(settings, _READER_THREADS)
        shards = await read_shard_count(readers)
        if not cls.may_be_incomplete and not await is_complete(readers):
            raise LedgerUnusable(
                f"the mirror in the DynamoDB table {readers.table} is not complete, so acknowledged records may be missing: start with"
                " PAYMENTS_JOURNAL=mirrored; if PostgreSQL is gone for good, deploy/journal.md says what is left to do"
            )
        return cls(shards, Link(settings, _WRITER_THREADS), readers)

    async def close(self) -> None:
        """Take no more calls."""
        self._writer.close()
        self._readers.close()

    async def shard_count(self) -> int:
        return self._shards

    async def open(self, shard: int, epoch: int, at: int) -> Head:
        for _ in range(_FENCE_ATTEMPTS):
            head = await self.head(shard)
            if head.epoch != epoch:
                raise Fenced(f"shard {shard}: epoch {epoch} is not the newest, {head.epoch}")
            # Read whole, for its time, and because a damaged record must not get a successor.
            fence = fence_record(shard, epoch, at, await self._newest(head))
            try:
                await self.append([fence])
            except Fenced:
                continue  # An append of this epoch took the sequence, or a newer owner the shard: look again.
            return Head(shard, epoch, fence.sequence, fence.hash())
        raise JournalUnavailable(f"shard {shard}: others kept writing to it while it was being opened")

    async def append(self, records: Sequence[Record]) -> None:
        if not records:
            return
        ordered = in_shard_order(records)
        try:
            await append(self._writer, ordered)
        except Refused as error:
            # An earlier try may have taken effect, whose answer was lost. Then the records are there, all of them.
            stored = await stored_hashes(self._writer, ordered)
            if stored != [record.hash() for record in ordered]:
                places = ", ".join(f"{record.shard}:{record.sequence}" for record in ordered)
                raise Fenced(f"another writer has opened, or written to, one of the shards (shard:sequence {places})") from error

    async def confirm(self, epochs: Sequence[tuple[int, int]]) -> None:
        heads = await read_heads(self._readers, [shard for shard, _ in epochs])
        if [stored.head.epoch for stored in heads] != [epoch for _, epoch in epochs]:
            raise Fenced("another host has claimed one of the shards")

    async def head(self, shard: int) -> Head:
        return await read_head(self._readers, self._shards, shard)

    async def read(self, shard: int, after: int, until: int | None = None) -> AsyncIterator[Record]:
        chain = Chain(shard, after)
        while True:
            page = await read_page(self._readers, shard, after, until, _PAGE_RECORDS)
            for item in page.items:
                yield chain.check(int(item["sk"]["N"]), item["hash"]["B"], await read_frame(self._readers, shard, item))
            if page.is_last:
                return
            after = page.newest

    async def tail(self, after: Mapping[int, int], limit_bytes: int) -> list[Record]:
        return await self._tail.read(after, limit_bytes)

    async def record(self, shard: int, sequence: int) -> Record | None:
        item = await self._readers.get(record_key(shard, sequence))
        return await read_record(self._readers, shard, item) if item is not None else None

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        await self._snapshots.save(snapshot)

    async def latest_snapshot(self, shard: int) -> Snapshot | None:
        return await self._snapshots.latest(shard)

    async def _newest(self, head: Head) -> Record | None:
        """Return the record that the head names. Raises JournalCorrupt if it is not there."""
        if not head.sequence:
            return None
        for _ in range(_LOOKS):
            record = await self.record(head.shard, head.sequence)
            if record is not None:
                if record.hash() != head.hash:
                    break
                return record
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        raise JournalCorrupt(f"shard {head.shard}, sequence {head.sequence}: the record that the shard's head names is not there")
