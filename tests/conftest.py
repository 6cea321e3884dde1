"""What tests of every kind may use: an event loop, and an embedded PostgreSQL with an empty database for each test."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from processor.local.postgres import EmbeddedPostgres

_DATABASE_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests (marked `anyio`) on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A running server that all tests share: do not stop it, nor change its settings."""
    yield from _server()


@pytest.fixture
def own_postgres_server() -> Iterator[EmbeddedPostgres]:
    """A running server for one test alone, which may stop and restart it."""
    yield from _server()


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of an empty database on the shared server."""
    name = asyncio.run(_create_database(postgres_server.dsn))
    yield postgres_server.dsn.rpartition("/")[0] + f"/{name}"
    asyncio.run(_run(postgres_server.dsn, f"DROP DATABASE {name} WITH (FORCE)"))


def _server() -> Iterator[EmbeddedPostgres]:
    # Not under pytest's own folder: as root the server runs as another user, who cannot enter that one.
    folder = Path(tempfile.mkdtemp(prefix="payments-test-"))
    server = EmbeddedPostgres(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


async def _create_database(dsn: str) -> str:
    name = f"test_{next(_DATABASE_NUMBERS)}"
    await _run(dsn, f"CREATE DATABASE {name}")
    return name


async def _run(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()
