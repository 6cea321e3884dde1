"""`payments projections`: how far the read model is, and building it anew."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from processor.core.ensure import Broken
from processor.journal.choice import connect_journal
from processor.journal.interface import Journal, JournalCorrupt, JournalUnavailable
from processor.journal.postgres.link import DEFAULT_TIMEOUTS
from processor.journal.postgres.readers import Readers
from processor.local.failure import CannotStart
from processor.local.ledger_access import ledger_settings
from processor.projections.lag import ShardLag, read_lag
from processor.projections.schema import Progress as RebuildProgress
from processor.projections.schema import RebuildUnderWay, known_version, present_version, rebuild_projections
from processor.settings import Settings, load_settings

COULD_NOT_RUN = 2


@click.group()
def projections() -> None:
    """The tables that are made from the journal: lists, statements, and what shards have forgotten."""


@projections.command()
def status() -> None:
    """Print how far each shard's journal has been read."""
    with _ledger() as settings:
        version, lags = asyncio.run(_status(settings))
    if version is None:
        click.echo("There are no projections yet; `payments up` or `payments projections rebuild` makes them.")
        return
    table = Table("shard", "position", "head", "records behind", "seconds behind", box=None)
    for lag in lags:
        table.add_row(str(lag.shard), str(lag.position), str(lag.head), str(lag.records), f"{lag.seconds:.1f}")
    Console().print(table)
    if version != known_version():
        click.echo("Another version of this program has made them; `payments up` or `payments projections rebuild` renews them.")


@projections.command()
def rebuild() -> None:
    """Build them anew from the journal. What is there serves until the new ones have caught up; an instance may run meanwhile."""
    console = Console()
    with _ledger() as settings, Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Records")
        asyncio.run(_rebuild(settings, lambda read, records: progress.update(task, completed=read, total=records)))
    click.echo("The projections have been built anew.")


async def _status(settings: Settings) -> tuple[str | None, list[ShardLag]]:
    version = await present_version(settings.database_url)
    if version is None:
        return None, []
    readers = await Readers.create(settings.database_url, DEFAULT_TIMEOUTS)
    try:
        async with _journal_apart(settings) as journal:
            return version, await read_lag(readers, journal)
    finally:
        await readers.close()


async def _rebuild(settings: Settings, progress: RebuildProgress) -> None:
    async with _journal_apart(settings) as journal:
        await rebuild_projections(settings.database_url, progress, journal)


@asynccontextmanager
async def _journal_apart(settings: Settings) -> AsyncIterator[Journal | None]:
    """Give the journal if it is not in the database of the read model."""
    if settings.journal == "postgres":
        yield None
        return
    journal = await connect_journal(settings)
    try:
        yield journal
    finally:
        await journal.close()


@contextmanager
def _ledger() -> Iterator[Settings]:
    """Give the settings with the ledger's database; what goes wrong with it ends the command with one line."""
    try:
        with ledger_settings(load_settings(os.environ, Path.cwd())) as settings:
            yield settings
    except (CannotStart, JournalUnavailable, JournalCorrupt, Broken, RebuildUnderWay) as error:
        click.echo(f"payments: {error}", err=True)
        raise SystemExit(COULD_NOT_RUN) from error
