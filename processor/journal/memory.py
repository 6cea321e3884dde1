"""The journal in this process's memory: the reference for what the other implementations mean, and the simulation's store."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import msgspec

from processor.journal.batch import fence_record, in_shard_order, within_bytes
from processor.journal.chain import Chain, check_stored
from processor.journal.interface import Fenced, Head, Snapshot
from processor.journal.memory_shard_map import MemoryShardMap
from processor.journal.record import NO_HASH, Record
from processor.journal.snapshots import snapshot_checksum


class StoredRecord(msgspec.Struct):
    """One row of a stream, as a table would hold it."""

    hash: bytes
    frame: bytes


class StoredSnapshot(msgspec.Struct):
    """One stored snapshot with the checksum that was made when it was saved."""

    snapshot: Snapshot
    checksum: bytes


class MemoryJournal(MemoryShardMap):
    """Implements Journal and ShardMap. Several writers may share one instance, as they share a database.

    `streams` and `snapshots` are the stored rows by shard and sequence, open to whoever wants to damage them in a test.
    """

    def __init__(self, shards: int, lease_seconds: float = 3.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Make an empty ledger; `clock` gives the seconds by which leases run out."""
        super().__init__(shards, lease_seconds, clock)
        self.streams: list[dict[int, StoredRecord]] = [{} for _ in range(shards)]
        self.snapshots: list[dict[int, StoredSnapshot]] = [{} for _ in range(shards)]

    async def shard_count(self) -> int:
        return len(self.streams)

    async def open(self, shard: int, epoch: int, at: int) -> Head:
        sequence = self._head(shard).sequence
        newest = self._checked(shard, sequence) if sequence else None
        await self.append([fence_record(shard, epoch, at, newest)])
        return self._head(shard)

    async def append(self, records: Sequence[Record]) -> None:
        for record in in_shard_order(records):
            head = self._head(record.shard)
            if record.epoch != head.epoch:
                raise Fenced(f"shard {record.shard}: epoch {record.epoch} is not the newest, {head.epoch}")
            if (record.sequence, record.previous_hash) != (head.sequence + 1, head.hash):
                raise Fenced(f"shard {record.shard}: sequence {record.sequence} does not follow the newest, {head.sequence}")
        for record in records:
            self.streams[record.shard][record.sequence] = StoredRecord(record.hash(), record.frame())

    async def confirm(self, epochs: Sequence[tuple[int, int]]) -> None:
        for shard, epoch in epochs:
            if self.epoch(shard) != epoch:
                raise Fenced(f"shard {shard}: epoch {epoch} is not the newest, {self.epoch(shard)}")

    async def head(self, shard: int) -> Head:
        return self._head(shard)

    async def heads_at_once(self) -> list[Head]:
        """Return all heads as of one moment."""
        return [self._head(shard) for shard in range(len(self.streams))]

    async def read(self, shard: int, after: int, until: int | None = None) -> AsyncIterator[Record]:
        chain, stream = Chain(shard, after), self.streams[shard]
        newest = next(reversed(stream), 0)
        for sequence in range(after + 1, (newest if until is None else min(until, newest)) + 1):
            if sequence in stream:
                yield chain.check(sequence, stream[sequence].hash, stream[sequence].frame)

    async def tail(self, after: Mapping[int, int], limit_bytes: int) -> list[Record]:
        waiting = [
            self._checked(shard, following)
            for shard, sequence in after.items()
            for following in range(sequence + 1, next(reversed(self.streams[shard]), 0) + 1)
            if following in self.streams[shard]
        ]
        waiting.sort(key=lambda record: (record.at, record.shard, record.sequence))
        return within_bytes(waiting, limit_bytes)

    async def record(self, shard: int, sequence: int) -> Record | None:
        return self._checked(shard, sequence) if sequence in self.streams[shard] else None

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        row = self.streams[snapshot.shard].get(snapshot.sequence)
        if row is None or row.hash != snapshot.hash:
            raise Fenced(f"shard {snapshot.shard}: the state at sequence {snapshot.sequence} is not what the journal says")
        kept = self.snapshots[snapshot.shard]
        older = sorted(sequence for sequence in kept if sequence < snapshot.sequence)
        for sequence in older[:-1]:
            del kept[sequence]
        kept[snapshot.sequence] = StoredSnapshot(snapshot, _checksum(snapshot))

    async def latest_snapshot(self, shard: int) -> Snapshot | None:
        for _, stored in sorted(self.snapshots[shard].items(), reverse=True):
            if stored.checksum == _checksum(stored.snapshot):
                return stored.snapshot
        return None

    def _head(self, shard: int) -> Head:
        epoch, stream = self.epoch(shard), self.streams[shard]
        sequence = next(reversed(stream), 0)
        return Head(shard, epoch, sequence, stream[sequence].hash if sequence else NO_HASH)

    def _checked(self, shard: int, sequence: int) -> Record:
        row = self.streams[shard][sequence]
        return check_stored(shard, sequence, row.hash, row.frame)


def _checksum(snapshot: Snapshot) -> bytes:
    return snapshot_checksum(snapshot.shard, snapshot.sequence, snapshot.hash, [snapshot.state])
