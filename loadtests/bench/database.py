"""An embedded PostgreSQL of the bench's own, with fsync on, and empty ledgers in it."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from processor.journal.postgres import create_ledger
from processor.local.postgres import EmbeddedPostgres


@contextmanager
def own_ledger(shards: int) -> Iterator[str]:
    """Give the connection URL of a new ledger; the server and its files go afterwards. Raises CannotStart."""
    with own_ledgers(shards, 1) as urls:
        yield urls[0]


@contextmanager
def own_ledgers(shards: int, count: int) -> Iterator[list[str]]:
    """Give the connection URLs of new ledgers on one server; the server and its files go afterwards. Raises CannotStart."""
    folder = Path(tempfile.mkdtemp(prefix="payments-bench-"))
    folder.chmod(0o711)  # As root, the database runs as another user, who must pass through.
    server = EmbeddedPostgres(folder / "postgres")
    try:
        url = server.start()
        yield [url, *asyncio.run(_prepare(url, shards, count))]
    finally:
        if server.has_started:
            server.stop()
        if server.home.moved:
            shutil.rmtree(server.location, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


async def _prepare(url: str, shards: int, count: int) -> list[str]:
    """Make a ledger in the server's own database and in each of the further ones; return the URLs of the latter."""
    server = url.rpartition("/")[0]
    names = [f"bench_{number}" for number in range(1, count)]
    connection = await asyncpg.connect(url)
    try:
        for name in names:
            await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    further = [f"{server}/{name}" for name in names]
    for ledger in (url, *further):
        await create_ledger(ledger, shards)
    return further
