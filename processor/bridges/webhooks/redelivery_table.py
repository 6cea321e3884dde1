"""The past that endpoints have asked for again, in the database."""

from collections.abc import Sequence

import asyncpg
import msgspec

from processor.bridges.webhooks.queries import load_queries
from processor.journal.postgres.link import Link

_QUERIES = load_queries("redeliveries.sql")

_WAITING_MAX = 50_000
"""With more of them waiting for an endpoint, no more of the past is added."""


class Overtaken(Exception):
    """Somebody else has made this step, or the endpoint was deleted."""


class Asked(msgspec.Struct, frozen=True):
    """What an endpoint has asked for: events from `since_at` (microseconds) on, up to `heads`. `positions`: how far it is."""

    endpoint: int
    since_at: int
    only_failed: bool
    positions: tuple[int, ...] | None
    heads: tuple[int, ...]


class RedeliveryTable:
    """All methods raise JournalUnavailable."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def ask(
        self, endpoint: int, since_at: int, only_failed: bool, positions: Sequence[int] | None, heads: Sequence[int]
    ) -> bool:
        """Ask for the past behind these positions (None: they are looked for); return False if some is being sent again already."""
        known = None if positions is None else list(positions)
        return bool(await self._link.fetch(_QUERIES["ask"], endpoint, since_at, only_failed, known, list(heads)))

    async def open(self) -> list[Asked]:
        """Return what enabled endpoints have asked for, oldest first; not of those for which much is waiting already."""
        return [
            Asked(
                row["endpoint"],
                row["since_at"],
                row["only_failed"],
                None if row["positions"] is None else tuple(row["positions"]),
                tuple(row["heads"]),
            )
            for row in await self._link.fetch(_QUERIES["open"], _WAITING_MAX)
        ]

    async def end(self, endpoint: int | None) -> None:
        """Forget what an endpoint has asked for; None: what all deleted ones have."""
        await self._link.execute(_QUERIES["end"], endpoint)


async def advance(connection: asyncpg.Connection, asked: Asked, positions: Sequence[int], queued: int) -> None:
    """Note how far it is, as part of the connection's transaction. Raises Overtaken."""
    before = None if asked.positions is None else list(asked.positions)
    if not await connection.fetch(_QUERIES["advance"], asked.endpoint, before, list(positions), queued):
        raise Overtaken
