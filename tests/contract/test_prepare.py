"""`payments prepare`, which every pod runs before it begins: it makes a ledger, or finds it made, whoever else is at it."""

import asyncio

import pytest
from click.testing import CliRunner, Result

from processor.cli.prepare import COULD_NOT_RUN, prepare
from processor.journal.postgres import PostgresJournal
from processor.local.database import prepare_ledger
from processor.settings import Settings
from tests.contract.ledgers import PostgresLedger
from tests.contract.writing import take, write

pytestmark = pytest.mark.anyio


async def run(**settings: object) -> Result:
    """Run the command with these settings."""
    environment = {f"PAYMENTS_{name.upper()}": str(value) for name, value in settings.items()}
    return await asyncio.to_thread(CliRunner().invoke, prepare, env=environment)


async def test_a_ledger_is_made_and_then_found_made(database_url: str) -> None:
    for _ in range(2):
        result = await run(database_url=database_url, shards=4)
        assert result.exit_code == 0, result.output
        assert "is ready for this version" in result.output
        assert database_url not in result.output
    journal = await PostgresJournal.connect(database_url)
    assert await journal.shard_count() == 4
    await journal.close()


async def test_a_ledger_that_is_written_to_is_left_as_it_is(database_url: str) -> None:
    ledger = PostgresLedger(database_url)
    journal = await ledger.journal()
    head = await write(journal, await take(journal, await ledger.shard_map(), 0), 3)
    settings = Settings(database_url=database_url, shards=await journal.shard_count())
    await asyncio.gather(*(asyncio.to_thread(prepare_ledger, settings, beside_hosts=True) for _ in range(3)))
    assert await journal.head(0) == head
    await ledger.close()


async def test_what_cannot_be_is_said_in_one_line(database_url: str) -> None:
    await run(database_url=database_url, shards=4)
    result = await run(database_url=database_url, shards=8)
    assert result.exit_code == COULD_NOT_RUN
    assert result.output.startswith("payments: the database at")
    assert "created with 4 shards" in result.output
    assert len(result.output.splitlines()) == 1


async def test_an_embedded_database_is_not_its_business() -> None:
    result = await run(database_url="")
    assert result.exit_code != 0
    assert "PAYMENTS_DATABASE_URL is not set" in result.output
