"""The implementations under the contract suite, each with what only its tests may do: damage what is stored, let time pass."""

from typing import Protocol

import asyncpg

from processor.journal.interface import Journal, ShardMap
from processor.journal.memory import MemoryJournal
from processor.journal.postgres import PostgresJournal, PostgresShardMap, create_ledger

SHARDS = 4
LEASE_SECONDS = 3.0


class Ledger(Protocol):
    """One ledger in one store. `records_in_a_page`: fewer than this many small records make more than one page of a stream."""

    records_in_a_page: int

    async def journal(self) -> Journal:
        """Connect another writer."""
        ...

    async def shard_map(self) -> ShardMap:
        """Connect another host's shard map."""
        ...

    async def replace_frame(self, shard: int, sequence: int, frame: bytes) -> None:
        """Overwrite a stored frame, but not the hash beside it."""
        ...

    async def replace_hash(self, shard: int, sequence: int, record_hash: bytes) -> None:
        """Overwrite the hash beside a stored frame."""
        ...

    async def swap_records(self, shard: int, first: int, second: int) -> None:
        """Exchange two records with their hashes."""
        ...

    async def remove_record(self, shard: int, sequence: int) -> None:
        """Delete a stored record."""
        ...

    async def damage_snapshot(self, shard: int, sequence: int) -> None:
        """Change one byte of a stored snapshot."""
        ...

    async def pass_time(self, seconds: float) -> None:
        """Make all heartbeats older."""
        ...

    async def close(self) -> None:
        """Close what was connected."""
        ...


class MemoryLedger:
    """A ledger in memory, which its writers share."""

    records_in_a_page = 0

    def __init__(self) -> None:
        self._seconds = 0.0
        self._journal = MemoryJournal(SHARDS, LEASE_SECONDS, clock=lambda: self._seconds)

    async def journal(self) -> Journal:
        return self._journal

    async def shard_map(self) -> ShardMap:
        return self._journal

    async def replace_frame(self, shard: int, sequence: int, frame: bytes) -> None:
        self._journal.streams[shard][sequence].frame = frame

    async def replace_hash(self, shard: int, sequence: int, record_hash: bytes) -> None:
        self._journal.streams[shard][sequence].hash = record_hash

    async def swap_records(self, shard: int, first: int, second: int) -> None:
        stream = self._journal.streams[shard]
        stream[first], stream[second] = stream[second], stream[first]

    async def remove_record(self, shard: int, sequence: int) -> None:
        del self._journal.streams[shard][sequence]

    async def damage_snapshot(self, shard: int, sequence: int) -> None:
        stored = self._journal.snapshots[shard][sequence]
        snapshot = stored.snapshot
        stored.snapshot = type(snapshot)(shard, sequence, snapshot.hash, b"?" + snapshot.state[1:])

    async def pass_time(self, seconds: float) -> None:
        self._seconds += seconds

    async def close(self) -> None:
        pass


class PostgresLedger:
    """A ledger in a PostgreSQL database. Every writer and every shard map has connections of its own."""

    records_in_a_page = 1000

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connected: list[PostgresJournal | PostgresShardMap] = []

    async def journal(self) -> PostgresJournal:
        await create_ledger(self._dsn, SHARDS)
        journal = await PostgresJournal.connect(self._dsn)
        self._connected.append(journal)
        return journal

    async def shard_map(self) -> PostgresShardMap:
        await create_ledger(self._dsn, SHARDS)
        shard_map = await PostgresShardMap.connect(self._dsn, LEASE_SECONDS)
        self._connected.append(shard_map)
        return shard_map

    async def replace_frame(self, shard: int, sequence: int, frame: bytes) -> None:
        await self.run(
            "UPDATE payments.journal_records SET frame = $3 WHERE shard = $1 AND sequence = $2", shard, sequence, frame
        )

    async def replace_hash(self, shard: int, sequence: int, record_hash: bytes) -> None:
        await self.run(
            "UPDATE payments.journal_records SET hash = $3 WHERE shard = $1 AND sequence = $2", shard, sequence, record_hash
        )

    async def swap_records(self, shard: int, first: int, second: int) -> None:
        move = "UPDATE payments.journal_records SET sequence = $3 WHERE shard = $1 AND sequence = $2"
        aside = 1_000_000
        for old, new in ((first, aside), (second, first), (aside, second)):
            await self.run(move, shard, old, new)

    async def remove_record(self, shard: int, sequence: int) -> None:
        await self.run("DELETE FROM payments.journal_records WHERE shard = $1 AND sequence = $2", shard, sequence)

    async def damage_snapshot(self, shard: int, sequence: int) -> None:
        damage = "UPDATE payments.snapshots SET state = set_byte(state, 0, 63) WHERE shard = $1 AND sequence = $2 AND part = 0"
        await self.run(damage, shard, sequence)

    async def pass_time(self, seconds: float) -> None:
        await self.run("UPDATE payments.hosts SET heartbeat_at = heartbeat_at - make_interval(secs => $1)", seconds)

    async def close(self) -> None:
        for connected in self._connected:
            await connected.close()

    async def run(self, statement: str, *arguments: object) -> None:
        """Run a statement behind the journal's back."""
        connection = await asyncpg.connect(self._dsn)
        await connection.execute(statement, *arguments)
        await connection.close()
