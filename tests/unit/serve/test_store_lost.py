"""A store is gone in the middle of a load, for a while or for good: all that was acknowledged is there, once."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from processor.audit.proof import verify
from processor.audit.stores import compare_stores
from processor.audit.tables import read_tables
from processor.aws.creation import create_table
from processor.aws.resources import journal_table
from processor.core.ledger import Retention
from processor.journal.choice import connect_journal
from processor.journal.mirrored import MirroredJournal
from processor.local.database import prepare_ledger
from processor.local.failure import CannotStart
from processor.local.postgres import EmbeddedPostgres
from processor.settings import Settings
from serve.app import create_app
from serve.routed_ledger import RoutedLedger
from tests.aws import EmulatedAws
from tests.cluster import account_on
from tests.unit.serve.running_ledger import SHARDS, ledger_of

pytestmark = pytest.mark.anyio

# So little that most keys have left the shards' memory before PostgreSQL goes: the new read model has to know them.
RETENTION = Retention(100, 1_000_000, 65_536)
ACCOUNTS = [account_on(shard, SHARDS, nth) for shard in range(SHARDS) for nth in range(2)]
CLIENTS = 8
ENOUGH = 300
AGAIN_SECONDS = 0.1

Answers = dict[str, str]
"""Idempotency key -> id of the payment."""


class Load:
    """Payments by random accounts over all shards, each under a key of its own. `sent`: what was asked, answered or not."""

    def __init__(self, client: httpx.AsyncClient, sent: dict[str, list[dict[str, object]]], answers: Answers) -> None:
        self._client = client
        self._random = Random(11)
        self.sent = sent
        self.answers = answers

    async def run(self, stopped: asyncio.Event) -> None:
        """Pay until told to stop."""
        await asyncio.gather(*(self._pay(stopped) for _ in range(CLIENTS)))

    async def _pay(self, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            key = f"key-{len(self.sent)}"
            self.sent[key] = [self._leg() for _ in range(self._random.choice((1, 1, 2, 3)))]
            answer = await self.ask(key)
            if answer.status_code == 201:
                self.answers[key] = answer.json()["id"]

    async def ask(self, key: str) -> httpx.Response:
        """Send the payment of this key, perhaps again."""
        return await self._client.post("/v1/payments", json={"legs": self.sent[key]}, headers={"Idempotency-Key": key})

    async def insist(self, key: str) -> httpx.Response:
        """Send it until there is an answer."""
        while (answer := await self.ask(key)).status_code in (503, 504):
            await asyncio.sleep(AGAIN_SECONDS)
        return answer

    def _leg(self) -> dict[str, object]:
        from_account, to = self._random.sample(ACCOUNTS, 2)
        return {"from": from_account, "to": to, "amount": self._random.randint(1, 99), "currency": "EUR"}

    def balances(self) -> Counter[str]:
        """Return what all payments together come to."""
        sums: Counter[str] = Counter(dict.fromkeys(ACCOUNTS, 0))
        for leg in (leg for legs in self.sent.values() for leg in legs):
            sums[str(leg["from"])] -= int(str(leg["amount"]))
            sums[str(leg["to"])] += int(str(leg["amount"]))
        return sums


def client_of(ledger: RoutedLedger) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(ledger), raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=60)


@contextmanager
def lost_connections() -> Iterator[None]:
    """Let pass what asyncpg leaves behind in futures that nobody waits for, when a connection is lost in the middle of a statement."""
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), asyncpg.ConnectionDoesNotExistError):
            (usual or asyncio.BaseEventLoop.default_exception_handler)(loop, context)

    loop.set_exception_handler(handle)
    try:
        yield
        gc.collect()
    finally:
        loop.set_exception_handler(usual)


async def prepare(settings: Settings) -> None:
    await asyncio.to_thread(prepare_ledger, settings)


async def test_dynamodb_goes_on_alone_after_postgres_is_gone_for_good(
    own_postgres_server: EmbeddedPostgres, database_url: str, aws: EmulatedAws
) -> None:
    settings = aws.settings(database_url=own_postgres_server.dsn, shards=SHARDS, journal="mirrored", lease_seconds=30.0)
    create_table(settings, journal_table(settings))
    await prepare(settings)
    sent: dict[str, list[dict[str, object]]] = {}
    answers: Answers = {}
    with lost_connections():
        await _pay_until_postgres_is_gone(settings, own_postgres_server, sent, answers)
    assert len(sent) > len(answers)

    alone = msgspec.structs.replace(settings, database_url=database_url, journal="dynamodb")
    await prepare(alone)
    async with ledger_of(alone, hosts=2, retention=RETENTION) as ledger, client_of(ledger) as client:
        load = Load(client, sent, answers)
        for key, answer in zip(sent, await asyncio.gather(*map(load.insist, sent)), strict=True):
            assert answer.status_code == 201
            if key in answers:
                assert answer.headers["Idempotency-Replayed"] == "true"
                assert answer.json()["id"] == answers[key]
        found = {account: (await client.get(f"/v1/accounts/{account}")).json()["posted"] for account in ACCOUNTS}
        assert found == load.balances()
        await _until_listed(client, len(sent))
    journal = await connect_journal(alone)
    proof = await verify(journal, None, await read_tables(database_url, SHARDS))
    assert proof.problems == []
    assert sum(shard.payments for shard in proof.shards) == len(sent)
    await journal.close()


async def _pay_until_postgres_is_gone(
    settings: Settings, postgres: EmbeddedPostgres, sent: dict[str, list[dict[str, object]]], answers: Answers
) -> None:
    async with ledger_of(settings, hosts=2, retention=RETENTION) as ledger, client_of(ledger) as client:
        for account in ACCOUNTS:
            await client.post("/v1/accounts", json={"id": account, "currency": "EUR", "min_balance": None})
        stopped = asyncio.Event()
        running = asyncio.create_task(Load(client, sent, answers).run(stopped))
        while len(answers) < ENOUGH:
            await asyncio.sleep(0.01)
        postgres.kill()
        while not await ledger.readiness():
            await asyncio.sleep(0.01)  # What was under way has failed.
        running.cancel()
        await asyncio.wait([running])


async def _until_listed(client: httpx.AsyncClient, payments: int) -> None:
    """Wait until the new read model lists all payments."""
    while True:
        found, cursor = 0, ""
        while cursor is not None:
            page = (await client.get("/v1/payments", params={"limit": 100} | ({"cursor": cursor} if cursor else {}))).json()
            found, cursor = found + len(page["data"]), page["next_cursor"]
        if found == payments:
            return
        await asyncio.sleep(AGAIN_SECONDS)


async def test_payments_wait_for_a_dynamodb_that_is_away_and_each_takes_effect_once(
    database_url: str, own_aws: EmulatedAws
) -> None:
    settings = own_aws.settings(database_url=database_url, shards=SHARDS, journal="mirrored", lease_seconds=30.0)
    create_table(settings, journal_table(settings))
    await prepare(settings)
    async with ledger_of(settings) as ledger, client_of(ledger) as client:
        for account in ACCOUNTS:
            await client.post("/v1/accounts", json={"id": account, "currency": "EUR", "min_balance": None})
        load, stopped = Load(client, {}, {}), asyncio.Event()
        running = asyncio.create_task(load.run(stopped))
        while len(load.answers) < 20:
            await asyncio.sleep(0.01)
        own_aws.emulator.stop()
        while "DynamoDB table" not in " ".join(await ledger.readiness()):
            await asyncio.sleep(0.01)
        answered = len(load.answers)
        await asyncio.to_thread(own_aws.emulator.start)
        while len(load.answers) < answered + 50:
            await asyncio.sleep(0.01)
        stopped.set()
        await running
        await asyncio.gather(*map(load.insist, load.sent))
        found = {account: (await client.get(f"/v1/accounts/{account}")).json()["posted"] for account in ACCOUNTS}
        assert found == load.balances()
        assert not await ledger.readiness()
    journal = await connect_journal(settings)
    assert isinstance(journal, MirroredJournal)
    assert await compare_stores(journal) == []
    await journal.close()


async def test_a_journal_that_would_leave_records_behind_is_refused(database_url: str, aws: EmulatedAws) -> None:
    first = aws.settings(database_url=database_url, shards=SHARDS, lease_seconds=30.0)
    mirrored, alone = (msgspec.structs.replace(first, journal=journal) for journal in ("mirrored", "dynamodb"))
    create_table(first, journal_table(first))
    await use(first, "first")
    with pytest.raises(CannotStart, match=r"DynamoDB lacks PostgreSQL's record .* Start once with PAYMENTS_JOURNAL=mirrored"):
        await prepare(alone)
    await use(mirrored, "second")
    await use(alone, "third")
    for settings, said in (
        (mirrored, "DynamoDB has record .* which PostgreSQL lacks"),
        (first, "set PAYMENTS_JOURNAL to what it was"),
    ):
        with pytest.raises(CannotStart, match=said):
            await prepare(settings)
    await use(alone, "fourth")


async def use(settings: Settings, account: str) -> None:
    """Start, open an account on every shard, wait until the read model knows it, and stop."""
    await prepare(settings)
    async with ledger_of(settings) as ledger, client_of(ledger) as client:
        for shard in range(SHARDS):
            name = f"{account}-{account_on(shard, SHARDS)}"
            assert (await client.post("/v1/accounts", json={"id": name, "currency": "EUR"})).status_code == 201
        while any(lag.records for lag in await ledger.reads.lag()):
            await asyncio.sleep(AGAIN_SECONDS)
