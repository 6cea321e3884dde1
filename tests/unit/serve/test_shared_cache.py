"""The API with Redis: keys across accounts, rates, and copies of balances."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from processor.cache.balances import BalanceCache, CachedBalances
from processor.cache.keys import KeyGuard
from processor.cache.link import RedisLink
from processor.cache.rates import RateLimiter
from processor.core.routing import shard_of
from serve.app import create_app
from serve.routed_ledger import RoutedLedger
from serve.shared_cache import SharedCache
from tests.unit.serve.calls import check_problem, item, pay, pay_batch, problem
from tests.unit.serve.conftest import with_accounts
from tests.unit.serve.running_ledger import SHARDS

pytestmark = pytest.mark.anyio


@pytest.fixture
async def link(valkey_url: str, anyio_backend: str) -> AsyncIterator[RedisLink]:
    """A connection to an empty Valkey."""
    link = RedisLink(valkey_url, timeout_seconds=5.0)
    yield link
    await link.close()


def client_of(ledger: RoutedLedger, cache: SharedCache) -> httpx.AsyncClient:
    """Return a client of the API with this cache."""
    transport = httpx.ASGITransport(create_app(ledger, cache=cache), raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


@pytest.fixture
async def cached_api(ledger: RoutedLedger, link: RedisLink) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API over a ledger with the accounts of `api`, with keys and balances in Redis."""
    async with client_of(ledger, SharedCache(link, KeyGuard(link, "default"), None, BalanceCache(link))) as client:
        yield await with_accounts(client)


async def test_a_key_that_another_account_has_used_is_refused(cached_api: httpx.AsyncClient) -> None:
    ways: Callable[[str], dict[str, object]] = lambda source: {"from": source, "to": "bob", "amount": 1}  # noqa: E731
    assert (await pay(cached_api, "k1", **ways("alice"))).status_code == 201
    refused = problem(await pay(cached_api, "k1", **ways("world")), 422, "idempotency_key_reused")
    assert "another account" in refused["detail"]
    replayed = await pay(cached_api, "k1", **ways("alice"))
    assert (replayed.status_code, replayed.headers["idempotency-replayed"]) == (201, "true")
    legs = [{**ways("world"), "currency": "EUR"}]
    problem(await pay(cached_api, "k1", legs=legs), 422, "idempotency_key_reused")
    problem(await pay(cached_api, "k1", mode="hold", **ways("world")), 422, "idempotency_key_reused")


@pytest.mark.parametrize("more", [{}, {"metadata": {"a": "b"}}], ids=["columns", "plain"])
async def test_a_batch_refuses_the_items_whose_keys_were_used_by_others(
    cached_api: httpx.AsyncClient, more: dict[str, object]
) -> None:
    first = (await pay_batch(cached_api, item("a", **more), item("b", **more))).json()["results"]
    assert [result["status"] for result in first] == [201, 201]
    others = {"from": "world", **more}
    items = [
        item("a", **more),
        item("b", **others),
        {"idempotency_key": 5},
        item("c", **others),
        item("c", **more),
        item("d", **more),
    ]
    results = (await pay_batch(cached_api, *items)).json()["results"]
    assert [result["status"] for result in results] == [201, 422, 400, 201, 422, 201]
    assert results[0]["replayed"]
    for place in (1, 4):
        check_problem(results[place]["problem"], 422, "idempotency_key_reused")


async def test_balances_come_from_the_copy_unless_the_token_is_newer(cached_api: httpx.AsyncClient, link: RedisLink) -> None:
    url, shard = "/v1/accounts/alice/balances", shard_of("alice", SHARDS)
    live = (await cached_api.get(url)).json()
    assert (live["source"], live["posted"], live["available"]) == ("ledger", 1000, 1000)
    await BalanceCache(link).replace({"alice": CachedBalances(shard, live["as_of"]["sequence"], 0, "EUR", 777, 5, 7)})
    copied = await cached_api.get(url)
    assert copied.json() == {
        "id": "alice", "currency": "EUR", "posted": 777, "pending_in": 5, "pending_out": 7, "available": 770, "source": "cache",
        "as_of": live["as_of"],
    }  # fmt: skip
    paid = await pay(cached_api, "newer", **{"from": "alice", "to": "bob", "amount": 1})
    newer = await cached_api.get(url, headers={"Consistency-Token": paid.headers["consistency-token"]})
    assert (newer.json()["source"], newer.json()["posted"]) == ("ledger", 999)
    problem(await cached_api.get("/v1/accounts/nobody/balances"), 404, "account_not_found")


async def test_a_client_beyond_its_rate_is_told_when_to_come_back(ledger: RoutedLedger, link: RedisLink) -> None:
    async with client_of(ledger, SharedCache(link, rates=RateLimiter(link, 0.02, 2))) as client:
        shop, another = {"Payments-Client": "shop"}, {"Payments-Client": "another"}
        for _ in range(2):
            assert (await client.get("/v1/currencies", headers=shop)).status_code == 200
        turned_away = await client.get("/v1/currencies", headers=shop)
        assert problem(turned_away, 429, "rate_limited")["retryable"]
        assert 40 < int(turned_away.headers["retry-after"]) <= 50
        assert turned_away.headers["ratelimit-policy"] == '"requests";q=2;w=100'
        assert turned_away.headers["ratelimit"].startswith('"requests";r=0;t=')
        assert (await client.get("/v1/currencies", headers=another)).status_code == 200
        assert (await client.get("/healthz", headers=shop)).status_code == 200


async def test_without_an_answer_from_redis_the_api_goes_on(ledger: RoutedLedger) -> None:
    link = RedisLink("redis://127.0.0.1:1/0")
    async with client_of(ledger, SharedCache(link, KeyGuard(link, "t"), RateLimiter(link, 1, 1), BalanceCache(link))) as client:
        await with_accounts(client)
        assert (await client.get("/v1/accounts/alice/balances")).json()["source"] == "ledger"
        results = (await pay_batch(client, item("a"), item("b"))).json()["results"]
        assert [result["status"] for result in results] == [201, 201]
    await link.close()
