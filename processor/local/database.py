"""The database that an instance uses, embedded or not."""

import asyncio
from urllib.parse import urlsplit

from processor.journal.interface import JournalUnavailable
from processor.journal.postgres import LedgerUnusable, create_ledger
from processor.local.failure import CannotStart
from processor.projections.schema import prepare_projections


def place_of(database_url: str) -> str:
    """Return the host and port of a connection URL: what may be shown of it. Raises CannotStart if it has none."""
    try:
        parts = urlsplit(database_url)
        return f"{parts.hostname or 'localhost'}:{parts.port or 5432}"
    except ValueError as error:
        raise CannotStart("PAYMENTS_DATABASE_URL is not a URL like postgresql://user:password@host:port/database") from error


def prepare_ledger(database_url: str, shards: int) -> None:
    """Create the ledger and its projections in the database, or bring an older ledger up to date. Raises CannotStart."""
    place = place_of(database_url)
    try:
        asyncio.run(_prepare(database_url, shards))
    except LedgerUnusable as error:
        raise CannotStart(f"the database at {place}: {error}") from error
    except JournalUnavailable as error:
        raise CannotStart(f"the database at {place} cannot be reached: {error}; check PAYMENTS_DATABASE_URL") from error


async def _prepare(database_url: str, shards: int) -> None:
    await create_ledger(database_url, shards)
    # Older ones go on to serve until the instance has built new ones.
    await prepare_projections(database_url)
