"""Bringing back to PostgreSQL what DynamoDB has written alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from processor.cli.journal import journal as command
from processor.journal.choice import connect_journal, connect_shard_map
from processor.journal.creation import create_in_dynamodb
from processor.journal.dynamodb import DynamoDbJournal, DynamoDbShardMap
from processor.journal.interface import Head, JournalUnavailable
from processor.journal.postgres import PostgresJournal
from processor.local.data_folder import DataFolder
from processor.settings import Settings
from tests.aws import EmulatedAws
from tests.contract.dynamodb_ledger import DynamoDbLedger
from tests.contract.ledgers import SHARDS, PostgresLedger
from tests.contract.writing import after, read_all, take, write

pytestmark = pytest.mark.anyio

LARGE = bytes(500_000)


class Scene:
    """A ledger that DynamoDB has written to alone, beside an empty PostgreSQL. `epochs` are DynamoDB's."""

    def __init__(self, settings: Settings, alone: DynamoDbJournal, shard_map: DynamoDbShardMap, postgres: PostgresLedger) -> None:
        self.settings = settings
        self.alone = alone
        self.shard_map = shard_map
        self.postgres = postgres
        self.heads: dict[int, Head] = {}

    async def restore(self, **settings: object) -> Result:
        """Run the command."""
        shown = msgspec.structs.replace(self.settings, **settings)  # type: ignore[arg-type]
        return await asyncio.to_thread(CliRunner().invoke, command, ["restore"], env=shown.to_environment())

    async def frames(self, stored: PostgresJournal | DynamoDbJournal) -> list[list[bytes]]:
        """Return all frames of all shards."""
        return [[record.frame() for record in await read_all(stored, shard)] for shard in range(SHARDS)]

    async def in_postgres(self) -> list[list[bytes]]:
        """Return all frames that PostgreSQL has."""
        return await self.frames(await self.postgres.journal())


@pytest.fixture
async def scene(aws: EmulatedAws, database_url: str, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Scene]:
    settings = aws.settings(database_url=database_url, shards=SHARDS, journal="dynamodb", data_folder=str(tmp_path / "data"))
    ledger, postgres = DynamoDbLedger(settings), PostgresLedger(database_url)
    scene = Scene(settings, await ledger.journal(), await ledger.shard_map(), postgres)
    for shard in range(SHARDS - 1):
        head = await write(scene.alone, await take(scene.alone, scene.shard_map, shard), 5 * shard)
        record = after(head, LARGE)
        await scene.alone.append([record])
        scene.heads[shard] = await take(scene.alone, scene.shard_map, shard)
    yield scene
    await ledger.close()
    await postgres.close()


async def test_everything_is_brought_back_and_both_stores_go_on_together(scene: Scene) -> None:
    done = await scene.restore()
    expected = await scene.frames(scene.alone)
    assert done.output == f"{sum(map(len, expected))} records have been brought to PostgreSQL, which has all of them now.\n"
    assert await scene.in_postgres() == expected
    mirrored = msgspec.structs.replace(scene.settings, journal="mirrored")
    await create_in_dynamodb(mirrored)
    journal, shard_map = await connect_journal(mirrored), await connect_shard_map(mirrored)
    for shard in range(SHARDS):
        head = await take(journal, shard_map, shard)
        assert head.epoch == scene.heads[shard].epoch + 1 if shard in scene.heads else 1
        await write(journal, head, 1)
    assert await scene.in_postgres() == await scene.frames(scene.alone) != expected
    await journal.close()
    await shard_map.close()


async def test_what_was_restored_can_be_mirrored_to_a_new_table(scene: Scene, aws: EmulatedAws) -> None:
    await scene.restore()
    new = aws.settings(database_url=scene.settings.database_url, shards=SHARDS, journal="mirrored")
    ledger = DynamoDbLedger(new)
    await create_in_dynamodb(new)
    assert await scene.frames(await ledger.journal()) == await scene.frames(scene.alone)
    await ledger.close()


async def test_a_restore_that_was_cut_off_goes_on_where_it_was(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    restore_all = PostgresJournal.restore

    async def restore_first_shard(journal: PostgresJournal, records: object) -> None:
        if records[0].shard:  # type: ignore[index]
            raise JournalUnavailable("the machine was switched off")
        await restore_all(journal, records)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(PostgresJournal, "restore", restore_first_shard)
        done = await scene.restore()
        assert (done.exit_code, done.output) == (2, "payments: the machine was switched off\n")
    expected = await scene.frames(scene.alone)
    assert await scene.in_postgres() == [expected[0], [], [], []]
    await write(scene.alone, scene.heads[0], 3)
    assert (await scene.restore()).output.startswith(f"{sum(map(len, expected[1:])) + 3} records")
    assert await scene.in_postgres() == await scene.frames(scene.alone)
    assert (await scene.restore()).output.startswith("0 records")


async def test_another_history_in_postgres_is_refused_and_kept(scene: Scene) -> None:
    journal, shard_map = await scene.postgres.journal(), await scene.postgres.shard_map()
    await journal.append([after(await take(journal, shard_map, 1), b"of another history")])
    before = await scene.in_postgres()
    done = await scene.restore()
    assert done.exit_code == 2
    assert "shard 1: DynamoDB does not have PostgreSQL's record 2: restore into an empty database" in done.output
    assert await scene.in_postgres() == before


async def test_it_needs_a_journal_in_dynamodb_and_no_instance(scene: Scene) -> None:
    done = await scene.restore(journal="postgres")
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "PAYMENTS_JOURNAL is postgres" in done.output
    running = DataFolder(Path(scene.settings.data_folder))
    running.acquire()
    done = await scene.restore()
    running.release()
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "is in use by another instance" in done.output
