"""The connections for everything that does not append records."""

from typing import Self

import asyncpg

from processor.journal.postgres.link import Timeouts, journal_errors
from processor.journal.postgres.login import login

_CONNECTIONS = 4


class Readers:
    """A few connections, made when they are needed. Who finds none free waits, as long as for a statement."""

    def __init__(self, pool: asyncpg.Pool, timeouts: Timeouts) -> None:
        """Use `create` instead."""
        self._pool = pool
        self._timeouts = timeouts

    @classmethod
    async def create(cls, dsn: str, timeouts: Timeouts) -> Self:
        """Return the connections, none of them made yet."""
        pool = await asyncpg.create_pool(
            **login(dsn),
            min_size=0,
            max_size=_CONNECTIONS,
            timeout=timeouts.connect_seconds,
            command_timeout=timeouts.command_seconds,
            max_cached_statement_lifetime=0,
            target_session_attrs="read-write",
            reset=_leave_as_it_is,
        )
        return cls(pool, timeouts)

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement and return its rows. Raises JournalUnavailable."""
        with journal_errors():
            async with self._pool.acquire(timeout=self._timeouts.command_seconds) as connection:
                rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
                return rows

    async def close(self) -> None:
        """Close the connections, in the middle of their statements too."""
        self._pool.terminate()


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """Save the round trip that puts a connection's settings back: our statements change none."""
