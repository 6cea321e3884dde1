"""`payments projections`, against a database beside which no instance runs."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from processor.cli.projections import projections
from tests.contract.ledgers import PostgresLedger
from tests.contract.story import Story, tell_everything


@pytest.fixture
def told_url(database_url: str) -> str:
    """The URL of a ledger with a story, and without projections."""

    async def tell() -> None:
        ledger = PostgresLedger(database_url)
        await tell_everything(Story(await ledger.journal(), await ledger.shard_map()))
        await ledger.close()

    asyncio.run(tell())
    return database_url


def run(command: str, **settings: str) -> Result:
    """Run the command with these settings."""
    return CliRunner().invoke(projections, [command], env={f"PAYMENTS_{name.upper()}": text for name, text in settings.items()})


def execute(url: str, statement: str) -> None:
    """Run a statement on the database."""

    async def connect_and_execute() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(connect_and_execute())


def test_status_says_that_there_are_none_yet(told_url: str) -> None:
    done = run("status", database_url=told_url)
    assert done.exit_code == 0
    assert done.stdout == "There are no projections yet; `payments up` or `payments projections rebuild` makes them.\n"


def test_a_rebuild_makes_them_and_status_shows_every_shard(told_url: str) -> None:
    assert run("rebuild", database_url=told_url).exit_code == 0
    done = run("status", database_url=told_url)
    assert done.exit_code == 0
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["shard", "position", "head", "records", "behind", "seconds", "behind"]
    assert [line.split() for line in lines] == [
        ["0", "38", "38", "0", "0.0"], ["1", "19", "19", "0", "0.0"], ["2", "0", "0", "0", "0.0"], ["3", "0", "0", "0", "0.0"],
    ]  # fmt: skip


def test_status_says_when_another_version_has_made_them(told_url: str) -> None:
    run("rebuild", database_url=told_url)
    execute(told_url, "UPDATE projections.projection SET version = 'another'")
    assert "Another version of this program has made them" in run("status", database_url=told_url).stdout


def test_a_damaged_journal_ends_a_rebuild_with_one_line(told_url: str) -> None:
    execute(told_url, "UPDATE payments.journal_records SET frame = frame || 'x' WHERE shard = 0 AND sequence = 3")
    done = run("rebuild", database_url=told_url)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "shard 0, sequence 3" in done.stderr


@pytest.mark.parametrize("command", ["status", "rebuild"])
def test_without_a_ledger_one_line_says_what_to_do(command: str, tmp_path: Path) -> None:
    done = run(command, data_folder=str(tmp_path / "nothing"), database_url="")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "`payments up` makes one" in done.stderr
