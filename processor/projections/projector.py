"""Keeps the read model up with the journal: reads the next records of all shards, and writes their rows and the new positions in
one transaction.

Any number of projectors may run: a transaction that does not find the positions it started from changes nothing, so every record
takes effect once. What a projector remembers between batches is read again from the tables after anything unusual.
"""

import asyncio
import logging
from collections.abc import Sequence
from time import perf_counter

import asyncpg

from processor.clock import now_microseconds
from processor.core.ensure import Broken
from processor.core.events import AnyEvent, decode_events
from processor.journal.chain import Chain
from processor.journal.interface import Journal, JournalUnavailable
from processor.journal.postgres.journal import TAIL
from processor.journal.postgres.link import Timeouts, connect, journal_errors
from processor.journal.record import Record
from processor.projections.fold import Fold, accounts_to_know
from processor.projections.memory import Memory
from processor.projections.pace import batch_times, pause_seconds
from processor.projections.rows import Rows
from processor.projections.snapshots import SCHEMA
from processor.projections.tables import QUERIES, read_memories, read_posted, write_rows

logger = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024
"""About two thousand payments: few enough not to hold up the payments' own statements for long, enough to make a commit cheap."""

RETRY_SECONDS = 1.0
# So many records are looked at to fill a batch as if all were this small: enough for records of one payment each.
_RECORD_BYTES_MIN = 256
# One batch is written within this; a rebuild's are larger, and a disk may be slow.
_TIMEOUTS = Timeouts(command_seconds=60.0)
# All statements look rows up by key, whatever the planner thinks of tables that still grow.
_SESSION = (
    "SET search_path TO {schema}; SET jit TO off;"
    " SET enable_seqscan TO off; SET enable_hashjoin TO off; SET enable_mergejoin TO off"
)
# A crash of the server may take the last transactions with it: rows and positions alike, so they are simply made again. That spares
# the payments a wait for the disk. What a shard forgets because it has read a position here is not lost either: it forgets by a
# record of its journal (`Aged`), which comes later in the same server's log and is on disk before it counts, and so is all before it.
# A journal elsewhere does not wait for this server's disk, so there a position must be on it before anybody can read it.
_NOT_DURABLE_AT_ONCE = "SET synchronous_commit TO off"

Batch = list[tuple[Record, list[AnyEvent]]]


class Overtaken(Exception):
    """Another projector has written these records, or the schema has been replaced. Nothing was changed."""


class Projector:
    """Fills one schema. `positions` are the newest records taken in, by shard; empty until the first step."""

    def __init__(self, dsn: str, schema: str = SCHEMA, batch_bytes: int = BATCH_BYTES, journal: Journal | None = None) -> None:
        """Connect at the first step. `journal`: where the records are, if not in the database of the schema."""
        self._dsn = dsn
        self._journal = journal
        self._schema = schema
        self._usual_bytes = self._batch_bytes = batch_bytes
        self._connection: asyncpg.Connection | None = None
        self._memories: dict[int, Memory] = {}
        self._chains: dict[int, Chain] = {}
        self._newest_at = 0
        self.positions: dict[int, int] = {}

    async def run(self, share: float) -> None:
        """Project for ever, at work for this `share` of the time while there is much to do, and for more of it when far behind.

        Raises Broken, JournalCorrupt: a person has to look.
        """
        while True:
            began = perf_counter()
            try:
                taken = await self.step()
                behind_seconds = max(0.0, (now_microseconds() - self._newest_at) / 1e6) if taken else 0.0
                pause = pause_seconds(taken / self._batch_bytes, perf_counter() - began, behind_seconds, share)
                self._batch_bytes = self._usual_bytes * batch_times(behind_seconds)
            except JournalUnavailable as error:
                logger.warning("projections wait for the database: %s", error)
                pause = RETRY_SECONDS
            except Overtaken as error:
                logger.info("projections: %s", error)
                pause = RETRY_SECONDS  # Two that work in turns only repeat each other's reading.
            await asyncio.sleep(pause)

    async def catch_up(self) -> None:
        """Project until nothing is left. Raises as `step` does."""
        while await self.step():
            pass

    async def step(self) -> int:
        """Take in one batch and return its bytes; 0 if there is nothing new.

        Raises Overtaken, JournalUnavailable, JournalCorrupt, and Broken if a record does not follow from what is there.
        """
        try:
            with journal_errors():
                connection = await self._ready()
                batch = await self._next_batch(connection)
                if batch:
                    await self._project(connection, batch)
        except Overtaken:
            self.positions = {}
            raise
        except asyncpg.UniqueViolationError as error:
            await self.close()
            raise Broken(f"a record makes a row that is there already: {error}") from error
        except BaseException:
            await self.close()
            raise
        return sum(len(record.payload) for record, _ in batch)

    async def close(self) -> None:
        """Close the connection, and forget what the next step can read again."""
        connection, self._connection = self._connection, None
        self.positions = {}
        if connection is not None:
            connection.terminate()

    async def _ready(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, _TIMEOUTS)
            await self._connection.execute(_SESSION.format(schema=self._schema))
            if self._journal is None:
                await self._connection.execute(_NOT_DURABLE_AT_ONCE)
            self.positions = {}
        if not self.positions:
            # One snapshot, so that positions and rows are of one moment.
            async with self._connection.transaction(isolation="repeatable_read", readonly=True):
                rows = await self._connection.fetch(QUERIES["positions"])
                self.positions = {row["shard"]: row["sequence"] for row in rows}
                self._memories = await read_memories(self._connection, self.positions)
            self._chains = {shard: Chain(shard, sequence) for shard, sequence in self.positions.items()}
        return self._connection

    async def _next_batch(self, connection: asyncpg.Connection) -> Batch:
        records = await (self._next_from(self._journal) if self._journal else self._next_beside(connection))
        return [(record, decode_events(record.payload)) for record in records]

    async def _next_from(self, journal: Journal) -> list[Record]:
        records = await journal.tail(self.positions, self._batch_bytes)
        for record in records:
            self._chains[record.shard].follow(record)
        return records

    async def _next_beside(self, connection: asyncpg.Connection) -> list[Record]:
        """Read the journal on the connection that writes the rows: nobody has to wait for another one."""
        shards, after = list(self.positions), list(self.positions.values())
        each = max(1, self._batch_bytes // _RECORD_BYTES_MIN // max(1, len(shards)))
        rows = await connection.fetch(TAIL, shards, after, each, self._batch_bytes)
        return [self._chains[row["shard"]].check(row["sequence"], row["hash"], row["frame"]) for row in rows]

    async def _project(self, connection: asyncpg.Connection, batch: Batch) -> None:
        rows = Rows()
        folds = {shard: Fold(shard, self._memories[shard], rows) for shard in {record.shard for record, _ in batch}}
        await self._learn(connection, batch)
        for record, events in batch:
            folds[record.shard].take(record.sequence, record.at, events)
        newest = {record.shard: record for record, _ in batch}
        async with connection.transaction():
            if not await connection.fetch(QUERIES["lock"]):
                raise Overtaken("the tables have been replaced by newly built ones")
            await self._advance(connection, list(newest.values()))
            await write_rows(connection, rows)
        self._newest_at = max(record.at for record in newest.values())
        for shard, record in newest.items():
            self.positions[shard] = record.sequence
            self._memories[shard].prune()

    async def _learn(self, connection: asyncpg.Connection, batch: Batch) -> None:
        for shard, memory in self._memories.items():
            unknown: set[str] = set()
            for record, events in batch:
                if record.shard == shard:
                    unknown |= accounts_to_know(events, memory)
            if unknown:
                memory.learn(await read_posted(connection, list(unknown)))

    async def _advance(self, connection: asyncpg.Connection, newest: Sequence[Record]) -> None:
        shards = [record.shard for record in newest]
        before = [self.positions[shard] for shard in shards]
        sequences, times = [record.sequence for record in newest], [record.at for record in newest]
        status = await connection.execute(QUERIES["advance"], shards, before, sequences, times)
        if status != f"UPDATE {len(newest)}":
            raise Overtaken("another projector is at work")
