"""Connections that are lost, slow, or refused: the journal says so, and works again as soon as the server does."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from processor.journal.interface import Fenced, JournalUnavailable
from processor.journal.postgres import LedgerUnusable, PostgresJournal, PostgresShardMap, Timeouts, create_ledger
from processor.journal.postgres.journal import APPEND
from processor.local.ports import free_port
from processor.local.postgres import EmbeddedPostgres
from tests.contract.ledgers import PostgresLedger
from tests.contract.postgres_sessions import end_sessions, until_somebody_waits_for_a_lock
from tests.contract.writing import AT, after, read_all, take, write

pytestmark = pytest.mark.anyio

SOON_SECONDS = 30.0
BLOCK = "INSERT INTO payments.journal_records VALUES (0, $1, 1, 0, '', '')"


@pytest.fixture
async def ledger(database_url: str, anyio_backend: str) -> AsyncIterator[PostgresLedger]:
    ledger = PostgresLedger(database_url)
    yield ledger
    await ledger.close()


@pytest.fixture
async def session(database_url: str, anyio_backend: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of the test's own, beside those of the journal."""
    session = await asyncpg.connect(database_url)
    yield session
    session.terminate()


async def test_an_append_whose_connection_is_lost_has_an_unknown_outcome_and_the_next_one_works(
    ledger: PostgresLedger, session: asyncpg.Connection
) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    head = await take(journal, shard_map, 0)
    async with session.transaction():
        await session.execute(BLOCK, head.sequence + 1)
        appending = asyncio.create_task(journal.append([after(head)]))
        waiting = await until_somebody_waits_for_a_lock(session)
        await session.execute("SELECT pg_terminate_backend($1, 5000)", waiting)
        with pytest.raises(JournalUnavailable):
            await appending
        await session.execute("DELETE FROM payments.journal_records WHERE frame = ''")
    await write(journal, await journal.open(0, head.epoch, AT), 3)
    assert len(await read_all(journal, 0)) == 5


async def test_an_append_that_takes_too_long_has_an_unknown_outcome_and_the_next_one_works(
    ledger: PostgresLedger, database_url: str, session: asyncpg.Connection
) -> None:
    head = await take(await ledger.journal(), await ledger.shard_map(), 0)
    impatient = await PostgresJournal.connect(database_url, Timeouts(command_seconds=0.3))
    async with session.transaction():
        await session.execute(BLOCK, head.sequence + 1)
        with pytest.raises(JournalUnavailable):
            await impatient.append([after(head)])
        await session.execute("DELETE FROM payments.journal_records WHERE frame = ''")
    await write(impatient, await impatient.open(0, head.epoch, AT), 3)
    await impatient.close()


async def test_a_cancelled_append_gives_its_connection_up_and_the_next_one_works(
    ledger: PostgresLedger, session: asyncpg.Connection
) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    head = await take(journal, shard_map, 0)
    async with session.transaction():
        await session.execute(BLOCK, head.sequence + 1)
        appending = asyncio.create_task(journal.append([after(head)]))
        waiting = await until_somebody_waits_for_a_lock(session)
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending
        await session.execute("DELETE FROM payments.journal_records WHERE frame = ''")
    await write(journal, await journal.open(0, head.epoch, AT), 3)
    appenders = await session.fetch("SELECT pid FROM pg_stat_activity WHERE query = $1", APPEND)
    assert {appender["pid"] for appender in appenders} - {waiting}


async def test_every_call_works_again_after_all_connections_were_ended(
    ledger: PostgresLedger, session: asyncpg.Connection
) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    head = await take(journal, shard_map, 0)
    assert await end_sessions(session) >= 3
    for call in (lambda: journal.head(0), lambda: journal.append([after(head)]), shard_map.view):
        try:
            await call()
        except JournalUnavailable:
            await call()
    assert (await journal.head(0)).sequence == 2
    assert len((await shard_map.view())[1]) == await journal.shard_count()


async def test_a_listener_whose_connection_is_lost_wakes_up_and_hears_of_later_changes(
    ledger: PostgresLedger, session: asyncpg.Connection
) -> None:
    shard_map, other = await ledger.shard_map(), await ledger.shard_map()
    waiting = asyncio.create_task(shard_map.wait_for_change(SOON_SECONDS))
    assert await end_sessions(session, "LISTEN%") == 2
    assert await waiting
    assert await shard_map.wait_for_change(SOON_SECONDS)  # It listens again, and something may have been missed.
    waiting = asyncio.create_task(shard_map.wait_for_change(SOON_SECONDS))
    await other.claim(0, 0, "a")
    assert await waiting


async def test_a_server_that_crashes_is_unavailable_and_serves_everything_accepted_once_it_is_back(
    own_postgres_server: EmbeddedPostgres,
) -> None:
    ledger = PostgresLedger(own_postgres_server.dsn)
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    head = await write(journal, await take(journal, shard_map, 0), 20)
    before = [record.frame() for record in await read_all(journal, 0)]
    own_postgres_server.kill()
    for call in (
        journal.append([after(head)]),
        journal.head(0),
        journal.confirm([(0, 1)]),
        shard_map.view(),
        journal.open(0, 1, AT),
    ):
        with pytest.raises(JournalUnavailable):
            await call
    while await shard_map.wait_for_change(0.1):
        pass  # Without a server waiting comes down to the timeout.
    own_postgres_server.start()
    assert [record.frame() for record in await read_all(journal, 0)] == before
    await journal.append([after(head)])
    assert await shard_map.wait_for_change(SOON_SECONDS)
    await ledger.close()


async def test_a_server_that_does_not_answer_is_unavailable(database_url: str) -> None:
    dsn = f"postgresql://payments:secret@127.0.0.1:{free_port()}/payments"
    for call in (create_ledger(dsn, 4), PostgresJournal.connect(dsn), PostgresShardMap.connect(dsn)):
        with pytest.raises(JournalUnavailable) as raised:
            await call
        assert "\n" not in str(raised.value)
        assert "secret" not in str(raised.value)


async def test_a_wrong_password_is_reported_without_showing_it(database_url: str) -> None:
    scheme, _, rest = database_url.partition("://payments:")
    dsn = f"{scheme}://payments:not-it@{rest.partition('@')[2]}"
    with pytest.raises(JournalUnavailable, match="password authentication failed") as raised:
        await create_ledger(dsn, 4)
    assert "not-it" not in str(raised.value)


async def test_a_database_that_does_not_exist_is_reported(database_url: str) -> None:
    with pytest.raises(JournalUnavailable, match='database "nowhere" does not exist'):
        await create_ledger(database_url.rpartition("/")[0] + "/nowhere", 4)


@pytest.mark.parametrize(
    "url",
    ["mysql://user:secret@host/db", "postgresql://user:secret@host:port/db", "postgresql://user:secret@host/db?sslmode=maybe"],
)
async def test_a_wrong_url_is_reported_without_showing_it(url: str) -> None:
    with pytest.raises(LedgerUnusable, match="the database URL is wrong") as raised:
        await create_ledger(url, 4)
    assert "secret" not in str(raised.value)


async def test_a_server_without_tls_is_refused_where_the_url_requires_it(database_url: str) -> None:
    with pytest.raises(JournalUnavailable, match="SSL"):
        await create_ledger(database_url + "?sslmode=require", 4)


async def test_a_server_that_only_reads_is_refused(ledger: PostgresLedger, database_url: str) -> None:
    await ledger.journal()
    await ledger.run(f"ALTER DATABASE {database_url.rpartition('/')[2]} SET default_transaction_read_only = on")
    with pytest.raises(JournalUnavailable):
        await PostgresJournal.connect(database_url)


async def test_a_refused_append_keeps_its_connection(ledger: PostgresLedger, session: asyncpg.Connection) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    head = await take(journal, shard_map, 0)
    await write(journal, head, 1)
    sessions = "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity WHERE datname = current_database()"
    before = await session.fetchval(sessions)
    for _ in range(3):
        with pytest.raises(Fenced):
            await journal.append([after(head)])
    assert await session.fetchval(sessions) == before
