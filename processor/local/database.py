"""The database that an instance uses, embedded or not."""

import asyncio
from urllib.parse import urlsplit

from processor.journal.choice import apart, connect_journal
from processor.journal.creation import create_in_dynamodb
from processor.journal.interface import JournalCorrupt, JournalUnavailable, LedgerUnusable
from processor.journal.postgres import create_ledger
from processor.journal.postgres.link import DEFAULT_TIMEOUTS
from processor.journal.postgres.readers import Readers
from processor.local.failure import CannotStart
from processor.projections.lag import read_lag
from processor.projections.schema import prepare_projections
from processor.settings import Settings


def place_of(database_url: str) -> str:
    """Return the host and port of a connection URL: what may be shown of it. Raises CannotStart if it has none."""
    try:
        parts = urlsplit(database_url)
        return f"{parts.hostname or 'localhost'}:{parts.port or 5432}"
    except ValueError as error:
        raise CannotStart("PAYMENTS_DATABASE_URL is not a URL like postgresql://user:password@host:port/database") from error


def prepare_ledger(settings: Settings, beside_hosts: bool = False) -> None:
    """Create the ledger and its projections in all stores, or bring older ones up to date. Raises CannotStart.

    `database_url` must be set. `beside_hosts`: shard hosts may be at work, as in a cluster.
    """
    place = place_of(settings.database_url)
    try:
        asyncio.run(_prepare_database(settings))
    except LedgerUnusable as error:
        raise CannotStart(f"the database at {place}: {error}") from error
    except JournalUnavailable as error:
        raise CannotStart(f"the database at {place} cannot be reached: {error}; check PAYMENTS_DATABASE_URL") from error
    try:
        asyncio.run(_prepare_journal(settings, beside_hosts))
    except (JournalUnavailable, JournalCorrupt) as error:
        raise CannotStart(f"the journal ({settings.journal}): {error}") from error


async def _prepare_database(settings: Settings) -> None:
    await create_ledger(settings.database_url, settings.shards)
    # Older ones go on to serve until the instance has built new ones.
    await prepare_projections(settings.database_url)


async def _prepare_journal(settings: Settings, beside_hosts: bool) -> None:
    if settings.journal != "postgres":
        await create_in_dynamodb(settings, beside_hosts)
    journal = await connect_journal(settings)
    readers = await Readers.create(settings.database_url, DEFAULT_TIMEOUTS)
    try:
        ahead = [lag for lag in await read_lag(readers, apart(journal)) if lag.records < 0]
    finally:
        await readers.close()
        await journal.close()
    if ahead:
        shard, position, head = ahead[0].shard, ahead[0].position, ahead[0].head
        raise LedgerUnusable(
            f"the read model has been made from records up to {position} of shard {shard}, and this journal ends at {head}: set"
            " PAYMENTS_JOURNAL to what it was before, deploy/journal.md says how to change it"
        )
