"""What Redis keeps for us, on a real Valkey: and that all goes on without it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from processor.bridges.redis import RedisSink
from processor.bridges.sink import SinkUnavailable
from processor.cache.balances import BalanceCache, CachedBalances
from processor.cache.keys import KEYS_PER_CALL_MAX, KeyGuard
from processor.cache.link import COMMANDS_PER_TRIP_MAX, CacheUnavailable, RedisLink
from processor.cache.rates import RateLimiter
from processor.eventlog.event import AboutBalances, BalancesData, PublishedEvent
from processor.local.valkey import EmbeddedValkey
from processor.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def link(valkey_url: str, anyio_backend: str) -> AsyncIterator[RedisLink]:
    """A connection to an empty Valkey."""
    link = RedisLink(valkey_url, timeout_seconds=5.0)
    yield link
    await link.close()


def told(sequence: int, posted: int | None, index: int = 0, account: str = "alice") -> PublishedEvent:
    """Return an event after which the account has so much."""
    balances = (BalancesData(account, "EUR", posted, 1, 2, None if posted is None else posted - 2),)
    data = AboutBalances("payment", "pay_1", (), balances)
    return PublishedEvent(3, sequence, index, 1, "balances.changed", "pay_1", (account,), data)


async def test_a_key_is_misused_when_it_comes_with_another_account(link: RedisLink) -> None:
    guard = KeyGuard(link, "default")
    assert await guard.misused(["k1", "k2"], ["alice", "bob"]) == []
    assert await guard.misused(["k1", "k2", "k3"], ["alice", "alice", "alice"]) == [1]
    assert await guard.misused(["k4", "k4", "k4"], ["alice", "bob", "alice"]) == [1], "also within one batch"
    assert await guard.misused(["k2"], ["bob"]) == [], "the first account keeps its key"
    assert await KeyGuard(link, "another").misused(["k1"], ["bob"]) == [], "tenants have keys of their own"


async def test_many_keys_are_looked_at_in_their_order(link: RedisLink) -> None:
    count = 2 * KEYS_PER_CALL_MAX + 5
    keys, accounts = [f"key-{number}" for number in range(count)], ["alice"] * count
    assert await KeyGuard(link, "t").misused(keys, accounts) == []
    wrong = {0, KEYS_PER_CALL_MAX, count - 1}
    asked = ["bob" if place in wrong else "alice" for place in range(count)]
    assert await KeyGuard(link, "t").misused(keys, asked) == sorted(wrong)


async def test_who_asks_together_is_told_of_its_own_keys_alone_also_when_another_gives_up(link: RedisLink) -> None:
    guard = KeyGuard(link, "t")
    assert await guard.misused(["a", "b", "c", "d"], ["alice"] * 4) == []
    questions = [("a", "bob"), ("b", "alice"), ("c", "bob"), ("d", "bob"), ("new", "bob")]
    asked = [asyncio.create_task(guard.misused(["fresh", key], ["carol", account])) for key, account in questions]
    await asyncio.sleep(0)
    asked[2].cancel()
    assert await asyncio.gather(asked[0], asked[1], asked[3], asked[4]) == [[1], [], [1], []]
    assert asked[2].cancelled()


async def test_keys_are_forgotten_after_their_time(link: RedisLink, valkey_url: str) -> None:
    await KeyGuard(link, "t").misused(["k"], ["alice"])
    async with Redis.from_url(valkey_url) as client:
        [name] = await client.keys()
        assert 0 < await client.ttl(name) <= 7 * 24 * 60 * 60
        await client.expire(name, 0)
    assert await KeyGuard(link, "t").misused(["k"], ["bob"]) == []


async def test_a_client_may_make_its_burst_and_then_waits_for_its_rate(link: RedisLink) -> None:
    limiter = RateLimiter(link, requests_per_second=0.01, burst_requests=5)
    verdicts = await asyncio.gather(*(limiter.take("shop") for _ in range(8)))
    assert [verdict.is_allowed for verdict in verdicts] == [True] * 5 + [False] * 3
    assert [verdict.remaining for verdict in verdicts[:5]] == [4, 3, 2, 1, 0]
    assert all(90 < verdict.retry_after_seconds <= 100 for verdict in verdicts[5:])
    assert (await limiter.take("another")).is_allowed


async def test_a_bucket_fills_again(link: RedisLink) -> None:
    limiter = RateLimiter(link, requests_per_second=20.0, burst_requests=1)
    assert (await limiter.take("shop")).is_allowed
    refused = await limiter.take("shop")
    assert not refused.is_allowed
    await asyncio.sleep(refused.retry_after_seconds + 0.01)
    assert (await limiter.take("shop")).is_allowed


async def test_copies_of_balances_never_go_back(link: RedisLink, valkey_url: str) -> None:
    sink, cache = RedisSink(Settings(redis_url=valkey_url)), BalanceCache(link)
    await sink.open()
    assert await cache.read("alice") is None
    await sink.publish(
        [told(9, 10), told(9, 30, index=11), told(9, 20, index=2), told(7, 5, account="bob"), told(1, None, 0, "old")]
    )
    assert await cache.read("alice") == CachedBalances(3, 9, 2, "EUR", 20, 1, 2), "the batch's own order counts within it"
    await sink.publish([told(10, 40)])
    await sink.publish([told(9, 10), told(9, 30, index=11)])
    assert await cache.read("alice") == CachedBalances(3, 10, 0, "EUR", 40, 1, 2)
    assert await cache.read("bob") == CachedBalances(3, 7, 0, "EUR", 5, 1, 2)
    assert await cache.read("old") is None
    await sink.close()


async def test_more_commands_than_fit_into_a_trip_are_all_answered(link: RedisLink) -> None:
    count = COMMANDS_PER_TRIP_MAX + 100
    answers = await asyncio.gather(*(link.call("ECHO", number) for number in range(count)))
    assert [int(answer) for answer in answers] == list(range(count))
    with pytest.raises(CacheUnavailable, match=r"Redis refuses the command: .*unknown command"):
        await link.call("NONSENSE")
    assert await link.call("ECHO", "x") == b"x", "one bad command does no harm to the others"


async def test_without_redis_all_goes_on_and_with_it_again(own_valkey: EmbeddedValkey) -> None:
    link = RedisLink(own_valkey.url)
    guard, limiter = KeyGuard(link, "t"), RateLimiter(link, 0.01, 1)
    sink = RedisSink(Settings(redis_url=own_valkey.url))
    await sink.open()
    assert await guard.misused(["k"], ["alice"]) == []
    assert (await limiter.take("shop")).is_allowed
    own_valkey.kill()
    assert await guard.misused(["k"], ["bob"]) == []
    assert not link.is_up
    assert (await limiter.take("shop")).is_allowed
    with pytest.raises(CacheUnavailable):
        await BalanceCache(link).read("alice")
    with pytest.raises(SinkUnavailable, match="Redis does not answer"):
        await sink.publish([told(1, 1)])
    with pytest.raises(SinkUnavailable, match="check PAYMENTS_REDIS_URL"):
        await sink.open()
    own_valkey.start()
    while not link.is_up:
        await asyncio.sleep(0.05)
    await sink.open()
    assert await sink.publish([told(1, 1)]) == ()
    assert await BalanceCache(link).read("alice") == CachedBalances(3, 1, 0, "EUR", 1, 1, 2)
    await sink.close()
    await link.close()
