"""`payments prepare`: the ledger in its database, for an instance that is started by somebody else, such as Kubernetes."""

import os
from pathlib import Path

import click

from processor.local.database import place_of, prepare_ledger
from processor.local.failure import CannotStart
from processor.settings import load_settings

COULD_NOT_RUN = 2


@click.command()
def prepare() -> None:
    """Create the ledger in PAYMENTS_DATABASE_URL, or bring it up to this version. Does nothing where that has been done.

    Any number of these may run at once, also while the ledger is served: in a cluster every pod runs one before it begins.
    """
    settings = load_settings(os.environ, Path.cwd())
    if not settings.database_url:
        raise click.UsageError("PAYMENTS_DATABASE_URL is not set: `payments up` prepares the embedded PostgreSQL by itself")
    try:
        prepare_ledger(settings, beside_hosts=True)
    except CannotStart as error:
        click.echo(f"payments: {error}", err=True)
        raise SystemExit(COULD_NOT_RUN) from error
    click.echo(f"the ledger at {place_of(settings.database_url)} is ready for this version")
