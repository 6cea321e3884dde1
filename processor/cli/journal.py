"""`payments journal`: what is done to the journal's stores while no instance runs."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from processor.journal.interface import JournalCorrupt, JournalUnavailable
from processor.journal.postgres import create_ledger
from processor.local.data_folder import DataFolder
from processor.local.failure import CannotStart
from processor.local.ledger_access import ledger_settings
from processor.settings import Settings, load_settings

COULD_NOT_RUN = 2


@click.group()
def journal() -> None:
    """The journal's stores, if there is more than PostgreSQL (`deploy/journal.md`)."""


@journal.command()
def restore() -> None:
    """Bring to PostgreSQL the records that DynamoDB has alone, so that the journal can be `mirrored` or `postgres` again.

    PostgreSQL must be empty, or an older state of the same ledger. No instance may run. May be cut off, and begun again.
    """
    settings = load_settings(os.environ, Path.cwd())
    console = Console()
    try:
        with _stopped_ledger(settings) as ledger, Progress(console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("Records")
            count = asyncio.run(_restore(ledger, lambda done, missing: progress.update(task, completed=done, total=missing)))
    except (CannotStart, JournalUnavailable, JournalCorrupt) as error:
        click.echo(f"payments: {error}", err=True)
        raise SystemExit(COULD_NOT_RUN) from error
    click.echo(f"{count} records have been brought to PostgreSQL, which has all of them now.")


async def _restore(settings: Settings, progress: Callable[[int, int], None]) -> int:
    # Imported only here: boto3 takes a moment.
    from processor.journal.restoring import restore_postgres

    await create_ledger(settings.database_url, settings.shards)
    return await restore_postgres(settings, progress)


@contextmanager
def _stopped_ledger(settings: Settings) -> Iterator[Settings]:
    """Give the settings with the database's URL. Raises CannotStart if an instance runs in the data folder."""
    if settings.journal == "postgres":
        raise CannotStart(
            "PAYMENTS_JOURNAL is postgres: set it to what it was when DynamoDB was written to, mirrored or dynamodb"
        )
    folder = DataFolder(Path(settings.data_folder))
    if folder.path.exists():
        folder.acquire()
        folder.release()
    with ledger_settings(settings) as ledger:
        yield ledger
