"""What the tests of the HTTP layer share: a client of the application over a running ledger, with a few accounts."""

from collections.abc import AsyncIterator

import httpx
import pytest

from serve.app import create_app
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import pay
from tests.unit.serve.running_ledger import running_ledger


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
    for account, lowest in (("world", None), ("alice", 0), ("bob", 0)):
        answer = await bare_api.post("/v1/accounts", json={"id": account, "currency": "EUR", "min_balance": lowest})
        assert answer.status_code == 201
    answer = await pay(bare_api, "fund alice", **{"from": "world", "to": "alice", "amount": 1000})
    assert answer.status_code == 201
    return bare_api
