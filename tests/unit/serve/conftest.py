"""What the tests of the HTTP layer share: a client of the application over a running ledger, with a few accounts."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from processor.projections.projector import Projector
from serve.app import create_app
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import pay
from tests.unit.serve.running_ledger import projected_ledger, running_ledger, webhook_admin


@pytest.fixture
async def ledger(anyio_backend: str) -> AsyncIterator[RoutedLedger]:
    """A ledger whose shards are all served."""
    async with running_ledger() as ledger:
        yield ledger


@pytest.fixture
async def bare_api(ledger: RoutedLedger) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API over an empty ledger."""
    transport = httpx.ASGITransport(create_app(ledger, visibility_seconds=0.05), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
async def api(bare_api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same with accounts in EUR: `world` without a lower bound, `alice` with 1,000, and `bob` with nothing."""
    return await with_accounts(bare_api)


@pytest.fixture
async def two_hosts_api(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    """The same as `api`, over a ledger of which two hosts own two shards each."""
    async with running_ledger(hosts=2) as ledger:
        transport = httpx.ASGITransport(create_app(ledger), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            yield await with_accounts(client)


@pytest.fixture
async def projected(database_url: str, anyio_backend: str) -> AsyncIterator[tuple[RoutedLedger, Projector]]:
    """A ledger in a database, and its projector, which works when it is told to."""
    async with projected_ledger(database_url) as pair:
        yield pair


@pytest.fixture
async def bare_projected_api(database_url: str, projected: tuple[RoutedLedger, Projector]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API over an empty ledger in a database, whose lists follow by themselves."""
    ledger, projector = projected
    projecting = asyncio.create_task(projector.run(1.0))
    async with webhook_admin(database_url) as webhooks:
        transport = httpx.ASGITransport(create_app(ledger, webhooks=webhooks), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            yield client
    projecting.cancel()
    await asyncio.gather(projecting, return_exceptions=True)


@pytest.fixture
async def projected_api(bare_projected_api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same with the accounts of `api`."""
    return await with_accounts(bare_projected_api)


async def with_accounts(bare_api: httpx.AsyncClient) -> httpx.AsyncClient:
    """Open the accounts, and return the client."""
    for account, lowest in (("world", None), ("alice", 0), ("bob", 0)):
        answer = await bare_api.post("/v1/accounts", json={"id": account, "currency": "EUR", "min_balance": lowest})
        assert answer.status_code == 201
    answer = await pay(bare_api, "fund alice", **{"from": "world", "to": "alice", "amount": 1000})
    assert answer.status_code == 201
    return bare_api
