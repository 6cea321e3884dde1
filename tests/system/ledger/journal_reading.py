"""The journal and the read model of an instance, read past the API."""

import asyncio
from collections.abc import Sequence

import asyncpg
import msgspec

from processor.core import events as e
from processor.core.ids import Place
from processor.journal.postgres import PostgresJournal
from processor.journal.record import Record
from processor.local.postgres import EmbeddedPostgres
from tests.system.instance import Instance

Row = tuple[object, ...]
Tables = dict[str, list[Row]]


class PlacedEvent(msgspec.Struct, frozen=True):
    """An event, and where it stands."""

    place: Place
    event: e.AnyEvent


def database_url(instance: Instance) -> str:
    """Return the URL of a running instance's embedded database."""
    return EmbeddedPostgres(instance.data_folder / "postgres").running_dsn()


def read_records(url: str, shards: int) -> list[list[Record]]:
    """Return all records of each shard, in order."""

    async def read() -> list[list[Record]]:
        journal = await PostgresJournal.connect(url)
        try:
            return [[record async for record in journal.read(shard, 0)] for shard in range(shards)]
        finally:
            await journal.close()

    return asyncio.run(read())


def read_events(instance: Instance, shard: int, after: int = 0) -> list[PlacedEvent]:
    """Return the events of a shard's records that come after this one."""

    async def read() -> list[PlacedEvent]:
        journal = await PostgresJournal.connect(database_url(instance))
        try:
            return [
                PlacedEvent(Place(record.at, shard, record.sequence, index), event)
                async for record in journal.read(shard, after)
                for index, event in enumerate(e.decode_events(record.payload))
            ]
        finally:
            await journal.close()

    return asyncio.run(read())


def read_tables(url: str) -> Tables:
    """Return all rows of all tables of the read model, in the order of their columns."""

    async def read() -> Tables:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                names = await connection.fetch(
                    "SELECT table_name FROM information_schema.tables"
                    " WHERE table_schema = 'projections' AND table_type = 'BASE TABLE'"
                )
                return {
                    name: sorted((tuple(row) for row in await connection.fetch(f"SELECT * FROM projections.{name}")), key=repr)
                    for (name,) in names
                }
        finally:
            await connection.close()

    return asyncio.run(read())


def execute(url: str, statement: str, *arguments: object) -> str:
    """Run one statement behind the ledger's back; return what PostgreSQL says of it."""

    async def run() -> str:
        connection = await asyncpg.connect(url)
        try:
            return str(await connection.execute(statement, *arguments))
        finally:
            await connection.close()

    return asyncio.run(run())


def execute_many(url: str, statement: str, rows: Sequence[Row]) -> None:
    """Run one statement with each of these arguments."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.executemany(statement, rows)
        finally:
            await connection.close()

    asyncio.run(run())


def fetch(url: str, statement: str, *arguments: object) -> list[Row]:
    """Return the rows of one query."""

    async def run() -> list[Row]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()

    return asyncio.run(run())
