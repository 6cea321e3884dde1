"""Making the read model's schema, and building it anew beside the one that serves."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from importlib.resources import files

import asyncpg

from processor.journal.interface import Journal, JournalUnavailable
from processor.journal.postgres.link import Timeouts, connect, journal_errors
from processor.projections.projector import Projector
from processor.projections.queries import load_queries
from processor.projections.snapshots import SCHEMA

_QUERIES = load_queries("schema.sql")
_NEXT, _OLD = "projections_next", "projections_old"
_SQL = files(__package__) / "sql"
# Name the rights to create and to rebuild among the database's advisory locks; any numbers that nobody else uses.
_CREATE_LOCK, _REBUILD_LOCK = 0x70726F6A00000001, 0x70726F6A00000002
# Dropping large tables takes a while, and so does waiting for whoever still reads them.
_TIMEOUTS = Timeouts(command_seconds=600.0)
_REBUILD_BATCH_BYTES = 2 * 1024 * 1024

Progress = Callable[[int, int], None]
"""Called with the number of records that have been read, and of those that there were when the build began."""


class RebuildUnderWay(Exception):
    """Another process is rebuilding the read model. The message is one line that says what to do."""


def known_version() -> str:
    """Return the version of this program's tables and views: the SHA-256 of their files."""
    return sha256("".join(_definitions()).encode()).hexdigest()


async def present_version(dsn: str) -> str | None:
    """Return the version of the read model that is there, or None if there is none. Raises JournalUnavailable."""
    connection = await connect(dsn, _TIMEOUTS)
    try:
        with journal_errors():
            is_there = await connection.fetchval(_QUERIES["has_tables"], SCHEMA)
            version: str | None = await connection.fetchval(_QUERIES["version"]) if is_there else None
            return version
    finally:
        connection.terminate()


async def prepare_projections(dsn: str) -> bool:
    """Create the read model if there is none, and return whether the one that is there has this program's version.

    The ledger must have been created. Any number of processes may call this at once. Raises JournalUnavailable.
    """
    connection = await connect(dsn, _TIMEOUTS)
    try:
        with journal_errors():
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _CREATE_LOCK)
                if not await connection.fetchval(_QUERIES["has_tables"], SCHEMA):
                    await _create(connection, SCHEMA)
                version: str = await connection.fetchval(_QUERIES["version"])
                return version == known_version()
    finally:
        connection.terminate()


async def rebuild_projections(dsn: str, progress: Progress, journal: Journal | None = None) -> None:
    """Build the read model from nothing, and put it in the place of the one that serves as soon as it has caught up with it.

    `journal`: where the records are, if not in the same database.
    Raises RebuildUnderWay, JournalUnavailable, JournalCorrupt, Broken; the one that serves has then been left as it was.
    """
    connection = await connect(dsn, _TIMEOUTS)
    builder = Projector(dsn, _NEXT, _REBUILD_BATCH_BYTES, journal)
    try:
        with journal_errors():
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _REBUILD_LOCK):
                raise RebuildUnderWay("the projections are being rebuilt already: wait until that has ended")
            await _drop_leftovers(connection)
            async with connection.transaction():
                await _create(connection, _NEXT)
            for _ in range(2):  # What comes in while the build runs is taken in before anybody has to wait.
                await _catch_up(connection, builder, journal, progress)
            await _swap(connection, builder, journal, progress)
            await _drop_leftovers(connection)
    finally:
        await builder.close()
        connection.terminate()


def _definitions() -> list[str]:
    # Line ends are read alike, however the files were checked out.
    return [(_SQL / name).read_text(encoding="utf-8") for name in ("tables.sql", "views.sql")]


async def _create(connection: asyncpg.Connection, schema: str) -> None:
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    await connection.execute(f"SET LOCAL search_path TO {schema}")
    for definitions in _definitions():
        await connection.execute(definitions)
    await connection.execute(_QUERIES["fill"], known_version())


async def _drop_leftovers(connection: asyncpg.Connection) -> None:
    for schema in (_NEXT, _OLD):
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


async def _catch_up(connection: asyncpg.Connection, builder: Projector, journal: Journal | None, progress: Progress) -> None:
    """Read as far as the journal goes now: what comes later is not waited for, so that this ends under load too."""
    heads = await _heads(connection, journal)
    while any(builder.positions.get(shard, 0) < head for shard, head in heads.items()):
        if not await builder.step():
            raise JournalUnavailable("the journal ends before the records that it had")
        progress(sum(builder.positions.values()), sum(heads.values()))


async def _heads(connection: asyncpg.Connection, journal: Journal | None) -> dict[int, int]:
    if journal is None:
        return {row["shard"]: row["sequence"] for row in await connection.fetch(_QUERIES["heads"])}
    heads = await asyncio.gather(*(journal.head(shard) for shard in range(await journal.shard_count())))
    return {head.shard: head.sequence for head in heads}


async def _swap(connection: asyncpg.Connection, builder: Projector, journal: Journal | None, progress: Progress) -> None:
    """Stop other projectors, take in what they have taken in, and exchange the schemas. Readers see the one or the other."""
    async with connection.transaction():
        if await connection.fetchval(_QUERIES["has_tables"], SCHEMA):
            # Who projects waits for this row in every transaction, and will find that it is gone.
            await connection.execute(f"DELETE FROM {SCHEMA}.projection")
            await _catch_up(connection, builder, journal, progress)
            await connection.execute(f"ALTER SCHEMA {SCHEMA} RENAME TO {_OLD}")
        await connection.execute(f"ALTER SCHEMA {_NEXT} RENAME TO {SCHEMA}")
