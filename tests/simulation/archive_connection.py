"""What hosts hear of the archive: late, sometimes not at all, and from an archive that is itself behind the journal."""

import asyncio
from collections.abc import Sequence

from processor.core.recall import AnyFact, Recall
from processor.projections.interface import ArchiveUnavailable
from tests.simulation.world import World, finish

READ_ON_SECONDS_MAX = 0.6
LATE_SECONDS_MAX = 3.0


class ArchiveConnection:
    """Implements Archive for one host."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def recall(self, asked: Sequence[Recall]) -> list[AnyFact]:
        await self._travel()
        facts: list[AnyFact] = finish(self._world.archive.recall(asked))
        await self._travel()
        return facts

    async def positions(self) -> dict[int, int]:
        await self._travel()
        positions: dict[int, int] = finish(self._world.archive.positions())
        await self._travel()
        return positions

    async def _travel(self) -> None:
        world = self._world
        delay = world.latency()
        if world.happens(world.plan.message_delayed):
            delay += world.random.random() * LATE_SECONDS_MAX
        await asyncio.sleep(delay)
        if world.happens(world.plan.store_error):
            raise ArchiveUnavailable("it cannot be reached")


async def read_on(world: World) -> None:
    """Let the archive follow the journal, one shard at a time and never at once."""
    while True:
        await asyncio.sleep(world.random.random() * READ_ON_SECONDS_MAX)
        shard = world.random.randrange(world.plan.shards)
        await world.archive.advance(shard)
