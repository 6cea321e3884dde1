"""How far the read model is behind the journal."""

import asyncio

import msgspec

from processor.journal.age import seconds_behind
from processor.journal.interface import Journal
from processor.journal.postgres.readers import Readers
from processor.projections.queries import load_queries

_LAG = load_queries("schema.sql")["lag"]
_POSITIONS = load_queries("archive.sql")["positions"]


class ShardLag(msgspec.Struct, frozen=True):
    """How far the read model is behind one shard's journal. `seconds`: the age of the oldest record that it lacks, or 0."""

    shard: int
    position: int
    head: int
    seconds: float

    @property
    def records(self) -> int:
        """How many records it lacks."""
        return self.head - self.position


async def read_lag(readers: Readers, journal: Journal | None = None) -> list[ShardLag]:
    """Return the lag of every shard behind the journal (None: the one in the same database).

    Raises JournalUnavailable, also if there is no read model yet, and JournalCorrupt.
    """
    if journal is None:
        return [ShardLag(*row) for row in await readers.fetch(_LAG)]
    positions = {row["shard"]: row["sequence"] for row in await readers.fetch(_POSITIONS)}
    return list(await asyncio.gather(*(_lag(journal, shard, position) for shard, position in positions.items())))


async def _lag(journal: Journal, shard: int, position: int) -> ShardLag:
    head = (await journal.head(shard)).sequence
    return ShardLag(shard, position, head, await seconds_behind(journal, shard, position, head))
