"""What tests of every kind may use: an event loop, an embedded PostgreSQL with an empty database for each test, AWS and Valkey."""

import asyncio
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
import redis

from processor.local.aws_emulator import AwsEmulator
from processor.local.postgres import EmbeddedPostgres
from processor.local.server import LoopbackServer
from processor.local.valkey import EmbeddedValkey
from tests.aws import EmulatedAws, set_credentials

Server = TypeVar("Server", bound=LoopbackServer)
_DATABASE_NUMBERS = itertools.count(1)
# The embedded server has no TLS, and asyncpg asks for it first unless told otherwise. A connection that is given up while it waits for the
# answer to that leaves an error behind that nobody can catch, and that the next test is blamed for. URLs that say more count more.
os.environ["PGSSLMODE"] = "disable"
# Whatever a shell starts in the background ignores Ctrl-C, and so would all programs that tests start and then interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="session")
def aws_emulator() -> Iterator[AwsEmulator]:
    """A running emulator that all tests share: do not stop it."""
    yield from _emulator()


@pytest.fixture
def aws(aws_emulator: AwsEmulator) -> EmulatedAws:
    """AWS, for tests that leave it running: `settings()` has names of its own at every call."""
    return EmulatedAws(aws_emulator)


@pytest.fixture
def own_aws() -> Iterator[EmulatedAws]:
    """AWS for one test alone, which may stop `emulator` and start it again: at the same endpoint, with what it had at the stop."""
    for emulator in _emulator():
        yield EmulatedAws(emulator)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[EmbeddedValkey]:
    """A running server that all tests share: do not stop it, nor change its settings."""
    yield from _valkey()


@pytest.fixture
def valkey_url(valkey_server: EmbeddedValkey) -> str:
    """The URL of an empty Valkey on the shared server."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture
def own_valkey() -> Iterator[EmbeddedValkey]:
    """A running server for one test alone, which may stop and restart it (at the same `url`), or kill it."""
    yield from _valkey()


def _emulator() -> Iterator[AwsEmulator]:
    set_credentials()
    yield from _running(AwsEmulator)


def _valkey() -> Iterator[EmbeddedValkey]:
    yield from _running(EmbeddedValkey)


def _running(kind: Callable[[Path], Server]) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="payments-test-"))
    server = kind(folder)
    try:
        server.start()
        yield server
    finally:
        # What it would write at a stop is not wanted.
        server.kill()
        shutil.rmtree(folder)


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
