"""The router finds the owner, asks again while shards move, and says truly whether something may have happened."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from actors.errors import LedgerError, OutcomeUnknown, Overloaded, ShardUnavailable
from actors.host import HostGone, HostStatus
from actors.router import Router
from processor.core import messages as m
from processor.journal.memory import MemoryJournal
from tests.unit.actors.rounds import until

pytestmark = pytest.mark.anyio

SHARDS = 2
_decode = msgspec.msgpack.Decoder(list[m.AnyMessage]).decode
_encode = msgspec.msgpack.Encoder().encode

Answering = Callable[[m.AnyMessage], m.AnyAnswer]


class ScriptedHost:
    """A host that answers by a rule, and counts how often it was asked."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.calls = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def submit(self, batch: bytes) -> bytes:
        self.calls += 1
        await self.gate.wait()
        return _encode([self.answering(message) for message in _decode(batch)])

    async def exchange(self, batch: bytes) -> None:
        raise AssertionError("a router does not exchange")

    async def status(self) -> HostStatus:
        raise HostGone("no status")


def totals(message: m.AnyMessage) -> m.AnyAnswer:
    """Answer with the shard's number where the sequence would be."""
    return m.TotalsAnswer({}, message.shard)


def gone(message: m.AnyMessage) -> m.AnyAnswer:
    """Die."""
    raise HostGone("it died")


@asynccontextmanager
async def routing(
    hosts: dict[str, ScriptedHost], timeout_seconds: float, limit: int = 10
) -> AsyncIterator[tuple[Router, MemoryJournal]]:
    """Run a router over a real shard map in which the first host owns everything."""
    shard_map = MemoryJournal(SHARDS)
    for host in hosts:
        await shard_map.heartbeat(host, host, 1)
    for shard in range(SHARDS):
        await shard_map.claim(shard, 0, next(iter(hosts)))

    def connect(actor: str) -> ScriptedHost:
        return hosts[actor]

    router = Router(shard_map, connect, timeout_seconds, limit)
    task = asyncio.ensure_future(router.run())
    try:
        await until(lambda: router.ownership)
        yield router, shard_map
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_messages_reach_the_owner_of_their_shard() -> None:
    hosts = {"a": ScriptedHost(totals), "b": ScriptedHost(totals)}
    async with routing(hosts, 30.0) as (router, _):
        answers = await router.ask_all([m.ReadTotals(1), m.ReadTotals(0)])
        assert answers == [m.TotalsAnswer({}, 1), m.TotalsAnswer({}, 0)]
        assert (hosts["a"].calls, hosts["b"].calls) == (1, 0)


@pytest.mark.parametrize("trouble", [m.NotOwner(0), m.Unknown()], ids=["not the owner", "unknown"])
async def test_a_shard_that_moves_is_asked_for_again_at_its_new_owner(trouble: m.AnyAnswer) -> None:
    hosts = {"a": ScriptedHost(lambda message: trouble), "b": ScriptedHost(totals)}
    async with routing(hosts, 30.0) as (router, shard_map):
        asked = asyncio.ensure_future(router.ask(m.ReadTotals(0)))
        await until(lambda: hosts["a"].calls)
        await shard_map.claim(0, 1, "b")
        assert await asked == m.TotalsAnswer({}, 0)


async def test_a_shard_without_an_owner_is_unavailable_and_nothing_was_done() -> None:
    hosts = {"a": ScriptedHost(lambda message: m.NotOwner(message.shard))}
    async with routing(hosts, 0.01) as (router, _):
        with pytest.raises(ShardUnavailable):
            await router.ask(m.ReadTotals(0))
        (answer,) = await router.ask_all([m.ReadTotals(0)])
        assert isinstance(answer, ShardUnavailable)


@pytest.mark.parametrize("answering", [gone, lambda message: m.Unknown()], ids=["dies", "says unknown"])
async def test_when_the_host_was_lost_under_way_the_outcome_is_unknown(answering: Answering) -> None:
    async with routing({"a": ScriptedHost(answering)}, 0.01) as (router, _):
        with pytest.raises(OutcomeUnknown):
            await router.ask(m.ReadTotals(0))
        answers = await router.ask_all([m.ReadTotals(0), m.ReadTotals(1)])
        assert [type(answer) for answer in answers] == [OutcomeUnknown, OutcomeUnknown]


async def test_a_host_that_keeps_silent_leaves_the_outcome_unknown_within_the_request_s_time() -> None:
    host = ScriptedHost(totals)
    host.gate.clear()
    async with routing({"a": host}, 0.01) as (router, _):
        with pytest.raises(OutcomeUnknown):
            await router.ask(m.ReadTotals(0))


async def test_doubt_is_not_forgotten_when_the_next_answer_is_that_the_host_is_busy() -> None:
    script: list[m.AnyAnswer] = [m.Unknown(), m.Busy(1.0)]
    async with routing({"a": ScriptedHost(lambda message: script.pop(0))}, 30.0) as (router, _):
        with pytest.raises(OutcomeUnknown):
            await router.ask(m.ReadTotals(0))


async def test_a_busy_host_is_reported_as_overload() -> None:
    async with routing({"a": ScriptedHost(lambda message: m.Busy(2.5))}, 30.0) as (router, _):
        with pytest.raises(Overloaded) as raised:
            await router.ask(m.ReadTotals(0))
        assert raised.value.retry_after_seconds == 2.5


async def test_above_the_router_s_own_limit_requests_are_refused_at_once() -> None:
    host = ScriptedHost(totals)
    host.gate.clear()
    async with routing({"a": host}, 30.0, limit=2) as (router, _):
        waiting = asyncio.ensure_future(router.ask_all([m.ReadTotals(0), m.ReadTotals(1)]))
        await until(lambda: host.calls)
        with pytest.raises(Overloaded):
            await router.ask(m.ReadTotals(0))
        host.gate.set()
        assert not any(isinstance(answer, LedgerError) for answer in await waiting)
