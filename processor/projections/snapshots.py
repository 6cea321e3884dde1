"""Connections that read the projections, each time from one snapshot of all tables."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Self

import asyncpg

from processor.journal.postgres.login import login
from processor.projections.queries import load_queries

SCHEMA = "projections"
"""The schema that serves. The queries of readers name it too."""

STATEMENT_SECONDS_MAX = 1.5
_CONNECT_SECONDS = 2.0
_CONNECTIONS = 4
_POSITIONS = load_queries("reader.sql")["positions"]
_SETTINGS = {
    "search_path": SCHEMA,
    "statement_timeout": f"{STATEMENT_SECONDS_MAX * 1000:.0f}",
    # How a list is best read depends on the values asked for: a rare status has an index's few rows, a common one is everywhere.
    "plan_cache_mode": "force_custom_plan",
    # An index's rows are mostly in memory or on solid-state disks. The default supposes a disk that has to seek.
    "random_page_cost": "1.1",
    # Both pay only for queries that take longer than these may.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}


class ProjectionUnavailable(Exception):
    """The projections cannot be read now. The message is one line."""


class ProjectionSlow(Exception):
    """A read took too long and was given up. The message is one line that says what to do."""


class Snapshots:
    """A few connections, made when they are needed. Who finds none free waits about as long as for a statement."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use `create` instead."""
        self._pool = pool

    @classmethod
    async def create(cls, database_url: str) -> Self:
        """Return the connections, none of them made yet."""
        pool = await asyncpg.create_pool(
            **login(database_url),
            min_size=0,
            max_size=_CONNECTIONS,
            timeout=_CONNECT_SECONDS,
            # Beyond the server's own limit, for when the server is gone.
            command_timeout=2 * STATEMENT_SECONDS_MAX,
            max_cached_statement_lifetime=0,
            server_settings=_SETTINGS,
            reset=_leave_as_it_is,
        )
        return cls(pool)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[asyncpg.Connection]:
        """Give a connection whose statements all see the same. Raises ProjectionUnavailable, ProjectionSlow."""
        with _failures():
            connection = await self._acquire()
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    yield connection
            finally:
                await self._pool.release(connection)

    async def _acquire(self) -> asyncpg.Connection:
        try:
            return await self._pool.acquire(timeout=2 * STATEMENT_SECONDS_MAX)
        except ValueError:
            # The reason is left out because it may quote the URL, which holds a password.
            raise ProjectionUnavailable("the database URL is wrong: use postgresql://user:password@host:port/database") from None

    async def close(self) -> None:
        """Close the connections, in the middle of their statements too."""
        self._pool.terminate()


async def read_positions(connection: asyncpg.Connection) -> dict[int, int]:
    """Return, for each shard, the newest record that the connection's snapshot has taken in."""
    return {row["shard"]: row["sequence"] for row in await connection.fetch(_POSITIONS)}


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except asyncpg.QueryCanceledError as error:
        raise ProjectionSlow(f"the read took longer than {STATEMENT_SECONDS_MAX} s: narrow the filter") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ProjectionUnavailable(f"the projections do not answer as they should: {reason}") from error


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """Save the round trip that puts a connection's settings back: our statements change none."""
