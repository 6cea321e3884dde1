"""Creating a ledger in PostgreSQL, keeping its schema up to date, and refusing databases that must not carry one."""

import asyncio

import asyncpg
import pytest

from processor.journal.interface import JournalUnavailable
from processor.journal.postgres import LedgerUnusable, PostgresJournal, PostgresShardMap, create_ledger
from processor.journal.postgres.migrations import known_migrations
from processor.local import postgres
from processor.local.postgres import EmbeddedPostgres
from tests.contract.ledgers import PostgresLedger
from tests.contract.writing import after, take, write

pytestmark = pytest.mark.anyio


async def run(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def test_creating_a_ledger_again_changes_nothing(database_url: str) -> None:
    ledger = PostgresLedger(database_url)
    journal = await ledger.journal()
    head = await write(journal, await take(journal, await ledger.shard_map(), 0), 3)
    await create_ledger(database_url, 4)
    assert await journal.head(0) == head
    assert await journal.shard_count() == 4
    await ledger.close()


async def test_another_number_of_shards_is_refused(database_url: str) -> None:
    await create_ledger(database_url, 4)
    with pytest.raises(LedgerUnusable, match="created with 4 shards, not 8: set the number to 4"):
        await create_ledger(database_url, 8)


@pytest.mark.parametrize("shards", [0, -1, 1025])
async def test_a_number_of_shards_out_of_range_is_refused(database_url: str, shards: int) -> None:
    with pytest.raises(LedgerUnusable, match=f"cannot have {shards} shards: choose 1 to 1024"):
        await create_ledger(database_url, shards)


async def test_many_processes_may_create_the_ledger_at_once(database_url: str) -> None:
    await asyncio.gather(*(create_ledger(database_url, 16) for _ in range(8)))
    journal = await PostgresJournal.connect(database_url)
    assert await journal.shard_count() == 16
    await journal.close()


async def test_of_two_numbers_of_shards_at_once_one_wins_and_the_other_is_told(database_url: str) -> None:
    results = await asyncio.gather(*(create_ledger(database_url, shards) for shards in (2, 3)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["LedgerUnusable", "NoneType"]


async def test_a_database_without_a_ledger_is_refused(database_url: str) -> None:
    for call in (PostgresJournal.connect(database_url), PostgresShardMap.connect(database_url)):
        with pytest.raises(LedgerUnusable, match="holds no ledger of this version"):
            await call


async def test_a_migration_that_was_changed_after_it_was_applied_is_refused(database_url: str) -> None:
    await create_ledger(database_url, 4)
    await run(database_url, "UPDATE payments.migrations SET sha256 = repeat('0', 64)")
    for call in (create_ledger(database_url, 4), PostgresJournal.connect(database_url)):
        with pytest.raises(LedgerUnusable, match="migration 0001_ledger is not the one that the database had"):
            await call


async def test_a_schema_that_is_newer_than_the_program_is_refused(database_url: str) -> None:
    await create_ledger(database_url, 4)
    await run(database_url, "INSERT INTO payments.migrations VALUES ('9999_later', '')")
    for call in (create_ledger(database_url, 4), PostgresJournal.connect(database_url), PostgresShardMap.connect(database_url)):
        with pytest.raises(LedgerUnusable, match="a newer program has updated the database"):
            await call


async def test_a_migration_that_fails_leaves_nothing_behind(database_url: str) -> None:
    await run(database_url, "CREATE SCHEMA payments", "CREATE TABLE payments.snapshots ()")
    with pytest.raises(JournalUnavailable, match='relation "snapshots" already exists'):
        await create_ledger(database_url, 4)
    await run(database_url, "DROP TABLE payments.snapshots")
    await create_ledger(database_url, 4)


async def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(migration.name.partition("_")[0]) for migration in known_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_user_who_owns_nothing_but_the_schema_can_run_a_ledger(database_url: str) -> None:
    await run(
        database_url,
        "DROP ROLE IF EXISTS plain",
        "CREATE ROLE plain LOGIN PASSWORD 'plain' NOSUPERUSER NOCREATEDB NOCREATEROLE",
        "CREATE SCHEMA payments AUTHORIZATION plain",
    )
    ledger = PostgresLedger("postgresql://plain:plain@" + database_url.partition("@")[2])
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    await shard_map.heartbeat("host", "actor", 1)
    await write(journal, await take(journal, shard_map, 0), 3)
    await ledger.close()
    await run(database_url, "DROP OWNED BY plain", "DROP ROLE plain")


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
async def test_a_database_whose_commits_do_not_wait_for_the_disk_is_refused(database_url: str, value: str) -> None:
    await create_ledger(database_url, 4)
    await run(database_url, f"ALTER DATABASE {database_url.rpartition('/')[2]} SET synchronous_commit = {value}")
    for call in (create_ledger(database_url, 4), PostgresJournal.connect(database_url)):
        with pytest.raises(LedgerUnusable, match=f"PostgreSQL's setting synchronous_commit is {value}.*set it to on"):
            await call


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_comes_back_with_unsafe_settings_is_refused(
    own_postgres_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    ledger = PostgresLedger(own_postgres_server.dsn)
    journal = await ledger.journal()
    record = after(await take(journal, await ledger.shard_map(), 0))
    own_postgres_server.stop()
    monkeypatch.setitem(postgres._SETTINGS, setting, "off")
    own_postgres_server.start()
    with pytest.raises(JournalUnavailable):
        await journal.append([record])  # This one notices that its connection is gone.
    for call in (journal.append([record]), PostgresJournal.connect(own_postgres_server.dsn)):
        with pytest.raises(LedgerUnusable, match=f"PostgreSQL's setting {setting} is off.*set it to on"):
            await call
    await ledger.close()
