"""The program runs on Valkey as the user that Terraform makes, and needs each of the rights in its access string."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from processor.bridges.redis import RedisSink
from processor.bridges.sink import SinkUnavailable
from processor.cache.balances import BalanceCache
from processor.cache.fan_out import FanOut, Listening
from processor.cache.keys import KeyGuard
from processor.cache.link import CacheUnavailable, RedisLink
from processor.cache.rates import RateLimiter
from processor.local.valkey import EmbeddedValkey
from processor.settings import Settings
from tests.contract.bridging import event_at
from tests.contract.test_cache import told

pytestmark = pytest.mark.anyio

MODULE = Path(__file__).parents[3] / "terraform" / "modules" / "data"
PASSWORD = "c" * 32


def access_string(file: str) -> str:
    """Return the rights of the user that a file of the module makes."""
    found = re.findall(r'access_string\s+= "([^"]*)"', (MODULE / file).read_text())
    assert len(found) == 1
    return str(found[0])


ACCESS = access_string("cache.tf")
COMMANDS = [word for word in ACCESS.split() if word.startswith("+")]


@contextmanager
def user(server: EmbeddedValkey, access: str) -> Iterator[str]:
    """Make a user with these rights on an empty Valkey; yield the URL to log in with."""
    with redis.Redis.from_url(server.url) as admin:
        admin.flushall()
        admin.execute_command("ACL", "SETUSER", "payments", "reset", f">{PASSWORD}", *access.split())
        try:
            yield f"redis://payments:{PASSWORD}@{server.url.rpartition('@')[2]}"
        finally:
            admin.execute_command("ACL", "DELUSER", "payments")


async def what_fails(url: str) -> set[str]:
    """Use all that the program has Redis for; return what does not work."""
    link, failed = RedisLink(url, timeout_seconds=5.0), set()
    sink, listening = RedisSink(Settings(redis_url=url)), Listening(url)
    try:
        await sink.open()
        await sink.publish([told(1, 10)])
        if await BalanceCache(link).read("alice") is None:
            failed.add("balances")
    except (CacheUnavailable, SinkUnavailable):
        failed.add("balances")
    guard, limiter = KeyGuard(link, "t"), RateLimiter(link, 0.001, 1)
    if await guard.misused(["k"], ["alice"]) + await guard.misused(["k"], ["bob"]) != [0]:
        failed.add("keys")
    if (await limiter.take("shop")).is_allowed and (await limiter.take("shop")).is_allowed:
        failed.add("rates")
    try:
        async with asyncio.timeout(1.0):
            while not listening.is_up:
                await asyncio.sleep(0.01)
        await FanOut(link).tell([event_at(0, 1)])
        if await listening.next(1.0) is None:
            failed.add("live events")
    except (CacheUnavailable, TimeoutError):
        failed.add("live events")
    listening.close()
    await sink.close()
    await link.close()
    return failed


async def test_everything_works_with_these_rights(valkey_server: EmbeddedValkey) -> None:
    with user(valkey_server, ACCESS) as url:
        assert await what_fails(url) == set()


@pytest.mark.parametrize("command", COMMANDS)
async def test_no_right_is_superfluous(valkey_server: EmbeddedValkey, command: str) -> None:
    with user(valkey_server, " ".join(word for word in ACCESS.split() if word != command)) as url:
        assert await what_fails(url)


async def test_other_peoples_keys_and_everybodys_end_are_out_of_reach(valkey_server: EmbeddedValkey) -> None:
    with user(valkey_server, ACCESS) as url, redis.Redis.from_url(url) as client:
        for refused in (
            ("GET", "another:key"),
            ("FLUSHALL",),
            ("KEYS", "*"),
            ("CONFIG", "GET", "*"),
            ("PUBLISH", "another", "x"),
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*refused)
