"""How far the read model is behind the journal."""

import asyncio

import msgspec

from processor.clock import now_microseconds
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
    following = await journal.record(shard, position + 1) if head > position else None
    seconds = max(0.0, (now_microseconds() - following.at) / 1e6) if following is not None else 0.0
    return ShardLag(shard, position, head, seconds)
