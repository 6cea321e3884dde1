"""How far a bridge has come: one position for each shard, which only the newest copy of the bridge can move.

Ray can have two live copies of one actor. Each takes the bridge over when it starts, which raises the bridge's epoch; every later
change names the epoch and does nothing if it is not the newest any more.
"""

from collections.abc import Mapping, Sequence

import asyncpg

from processor.bridges.queries import load_queries
from processor.bridges.sink import Rejection, Save
from processor.bridges.wording import storable
from processor.eventlog.event import PublishedEvent
from processor.journal.postgres.link import Link

_QUERIES = load_queries("cursors.sql")
_LETTERS = load_queries("dead_letters.sql")

# What the database has against a statement itself, rather than against running it now.
_REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.SyntaxOrAccessError, ValueError)

Place = tuple[int, int, int]
"""(shard, sequence, index): the name of an event."""


class NotSaved(Exception):
    """A sink's rows were refused by the database, which works otherwise: nothing was changed."""


class Replaced(Exception):
    """Another copy has taken the bridge over, or its cursor was moved: nothing was changed, and this copy must stop."""


async def take_over(link: Link, bridge: str) -> int:
    """Make this copy the bridge's newest; return its epoch. Raises JournalUnavailable."""
    [row] = await link.fetch(_QUERIES["take_over"], bridge)
    epoch: int = row["epoch"]
    return epoch


class Cursors:
    """The positions of one copy of a bridge. `positions` are as they were read or moved last: shard -> sequence."""

    def __init__(self, link: Link, bridge: str, epoch: int) -> None:
        """`epoch` is that of `take_over`."""
        self._link = link
        self._bridge = bridge
        self._epoch = epoch
        self.positions: dict[int, int] = {}

    async def read(self, beginnings: Mapping[int, int]) -> dict[int, int]:
        """Return the positions of all shards; a shard that has none gets that of `beginnings`. Raises JournalUnavailable."""
        async with self._link.use() as connection:
            await connection.execute(_QUERIES["begin"], self._bridge, list(beginnings), list(beginnings.values()))
            rows = await connection.fetch(_QUERIES["positions"], self._bridge)
        self.positions = {row["shard"]: row["sequence"] for row in rows}
        return dict(self.positions)

    async def advance(
        self, positions: Mapping[int, int], rejections: Sequence[Rejection] = (), saves: Sequence[Save] = ()
    ) -> None:
        """Move these shards' positions, keep what was rejected, and write the sink's rows, all in one transaction.

        Raises Replaced, NotSaved, and JournalUnavailable: then nobody knows whether it took effect, and positions must be read again.
        """
        async with self._link.use() as connection:
            if not rejections and not saves:
                await self._move(connection, positions)
            else:
                async with connection.transaction():
                    await self._move(connection, positions)
                    if rejections:
                        await self._keep(connection, rejections)
                    await _save(connection, saves)
        self.positions |= positions

    async def rehearse(self, save: Save) -> None:
        """Write a sink's rows and take them back. Raises NotSaved, JournalUnavailable."""
        async with self._link.use() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await _save(connection, (save,))
            finally:
                await transaction.rollback()

    async def to_redrive(self, limit: int) -> list[Place]:
        """Return the dead letters that are to be tried again, in the order of shards and sequences. Raises JournalUnavailable."""
        return [tuple(row) for row in await self._link.fetch(_LETTERS["to_redrive"], self._bridge, limit)]

    async def settle(self, event: PublishedEvent, rejections: Sequence[Rejection], saves: Sequence[Save] = ()) -> None:
        """Remove the dead letter of an event that was published after all, or give it its new reason. Raises as `advance` does."""
        async with self._link.use() as connection, connection.transaction():
            await self._move(connection, {})
            if rejections:
                await self._keep(connection, rejections)
            else:
                await connection.execute(_LETTERS["remove"], self._bridge, *place_of(event))
            await _save(connection, saves)

    async def refuse(self, place: Place, reason: str) -> None:
        """Give a dead letter that cannot be tried again a new reason. Raises JournalUnavailable."""
        await self._link.fetch(_LETTERS["refuse"], self._bridge, *place, reason)

    async def _move(self, connection: asyncpg.Connection, positions: Mapping[int, int]) -> None:
        moves = list(positions), [self.positions[shard] for shard in positions], list(positions.values())
        if not await connection.fetchval(_QUERIES["advance"], self._bridge, self._epoch, *moves):
            raise Replaced(f"another copy of the bridge {self._bridge} has taken over from the one of epoch {self._epoch}")

    async def _keep(self, connection: asyncpg.Connection, rejections: Sequence[Rejection]) -> None:
        rows = [(*place_of(rejection.event), *_about(rejection)) for rejection in rejections]
        await connection.execute(_LETTERS["keep"], self._bridge, *zip(*rows, strict=True))


def place_of(event: PublishedEvent) -> Place:
    """Return the event's name as numbers."""
    return event.shard, event.sequence, event.index


def _about(rejection: Rejection) -> tuple[str, str, str]:
    return rejection.event.type, rejection.event.subject, storable(rejection.reason)


async def _save(connection: asyncpg.Connection, saves: Sequence[Save]) -> None:
    try:
        for save in saves:
            await save(connection)
    except _REFUSALS as error:
        raise NotSaved(f"its rows are refused: {error}") from error
