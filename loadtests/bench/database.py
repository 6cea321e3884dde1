"""An embedded PostgreSQL of the bench's own, with fsync on, and an empty ledger in it."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processor.journal.postgres import create_ledger
from processor.local.postgres import EmbeddedPostgres


@contextmanager
def own_ledger(shards: int) -> Iterator[str]:
    """Give the connection URL of a new ledger; the server and its files go afterwards. Raises CannotStart."""
    folder = Path(tempfile.mkdtemp(prefix="payments-bench-"))
    folder.chmod(0o711)  # As root, the database runs as another user, who must pass through.
    server = EmbeddedPostgres(folder / "postgres")
    try:
        url = server.start()
        asyncio.run(create_ledger(url, shards))
        yield url
    finally:
        if server.has_started:
            server.stop()
        if server.home.moved:
            shutil.rmtree(server.location, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
