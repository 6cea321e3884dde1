"""The database's role without a password: with what roles.sql gives it, the program makes all that it needs, and can make nothing else."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from processor.journal.postgres import PostgresJournal
from processor.journal.postgres.ledger import create_ledger
from processor.projections.schema import prepare_projections
from tests.infra.data.evaluating import MODULES

pytestmark = pytest.mark.anyio

ROLES = (MODULES / "data" / "roles.sql").read_text()


@pytest.fixture
async def url(database_url: str, anyio_backend: str) -> AsyncIterator[str]:
    """The URL with which the program's role logs in: with a password, since there is no IAM, and by another name, which is taken here."""
    parts = urlsplit(database_url)
    statements = re.sub(r"\b(ROLE|TO) payments\b", r"\1 ledger", ROLES).replace(
        "DATABASE payments", f"DATABASE {parts.path.removeprefix('/')}"
    )
    administrator = await asyncpg.connect(database_url)
    # RDS has this role.
    await administrator.execute("CREATE ROLE rds_iam")
    await administrator.execute(statements)
    await administrator.execute("ALTER ROLE ledger PASSWORD 'secret'")
    yield urlunsplit(parts._replace(netloc=f"ledger:secret@{parts.netloc.rpartition('@')[2]}"))
    await administrator.execute("DROP OWNED BY ledger CASCADE; DROP ROLE ledger; DROP ROLE rds_iam")
    await administrator.close()


async def test_the_program_makes_its_schemas_and_reads_them(url: str) -> None:
    await create_ledger(url, 2)
    await prepare_projections(url)
    journal = await PostgresJournal.connect(url)
    assert await journal.shard_count() == 2
    await journal.close()


async def test_it_can_do_nothing_that_is_not_its_own(url: str) -> None:
    connection = await asyncpg.connect(url)
    for refused in ("CREATE TABLE public.mine (a int)", "CREATE ROLE friend", "SELECT pg_read_file('/etc/passwd')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(refused)
    await connection.close()
