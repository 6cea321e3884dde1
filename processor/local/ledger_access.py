"""The database of an instance, for commands beside it: while the instance runs, and while it does not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from processor.local.data_folder import DataFolder
from processor.local.failure import CannotStart
from processor.local.local_aws import beside_local_aws
from processor.local.postgres import EmbeddedPostgres
from processor.settings import Settings


@contextmanager
def ledger_database(settings: Settings) -> Iterator[str]:
    """Give the connection URL of the ledger's database; an embedded one that does not run is started for the time being.

    Raises CannotStart, also if there is no ledger in the data folder.
    """
    if settings.database_url:
        yield settings.database_url
        return
    folder = DataFolder(Path(settings.data_folder))
    if not folder.path.exists():
        raise CannotStart(
            f"there is no ledger in {folder.path}: `payments up` makes one, PAYMENTS_DATA_FOLDER names another folder"
        )
    postgres = EmbeddedPostgres(folder.postgres, folder.logs / "postgres.log", settings.database_port)
    try:
        folder.acquire()
    except CannotStart:
        # Somebody runs it: the server is there, on the port that it used last.
        yield postgres.running_dsn()
        return
    try:
        yield postgres.start()
    finally:
        if postgres.has_started:
            postgres.stop()
        folder.release()


@contextmanager
def ledger_settings(settings: Settings) -> Iterator[Settings]:
    """Give the settings with the connection URL that `ledger_database` gives, and with the places of a local AWS that runs beside:
    what is needed to connect to the journal, and to what bridges carry events to.

    Raises CannotStart as that does.
    """
    with ledger_database(settings) as database_url:
        yield msgspec.structs.replace(beside_local_aws(settings, os.environ), database_url=database_url)
