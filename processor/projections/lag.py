"""How far the read model is behind the journal."""

import msgspec

from processor.journal.postgres.readers import Readers
from processor.projections.queries import load_queries

_LAG = load_queries("schema.sql")["lag"]


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


async def read_lag(readers: Readers) -> list[ShardLag]:
    """Return the lag of every shard. Raises JournalUnavailable, also if there is no read model yet."""
    return [ShardLag(*row) for row in await readers.fetch(_LAG)]
