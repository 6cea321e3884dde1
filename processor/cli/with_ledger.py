"""What commands share that work on the ledger's database, beside a running instance or without one."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from processor.journal.interface import JournalCorrupt, JournalUnavailable
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.local.failure import CannotStart
from processor.local.ledger_access import ledger_settings
from processor.settings import Settings, load_settings

COULD_NOT_RUN = 2
Told = TypeVar("Told")


def run_with_ledger(action: Callable[[Link, Settings], Awaitable[Told]], *failures: type[Exception]) -> Told:
    """Return what the action returns. What goes wrong with the database, and these failures, end the command with one line."""

    async def with_link(settings: Settings) -> Told:
        link = Link(settings.database_url, DEFAULT_TIMEOUTS)
        try:
            return await action(link, settings)
        finally:
            await link.close()

    settings = load_settings(os.environ, Path.cwd())
    known: tuple[type[Exception], ...] = (CannotStart, JournalUnavailable, JournalCorrupt, *failures)
    try:
        with ledger_settings(settings) as complete:
            return asyncio.run(with_link(complete))
    except known as error:
        click.echo(f"payments: {error}", err=True)
        raise SystemExit(COULD_NOT_RUN) from error
