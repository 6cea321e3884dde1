"""A host finds its shards by itself: claims them, keeps what is damaged closed, and gives all up when it leaves."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from actors.host import Host, HostGone
from actors.metrics import host_families
from processor.core import messages as m
from processor.core.peers import AnyPeerMessage
from processor.journal.memory import MemoryJournal
from processor.recovery import recover
from tests.cluster import START, account_on, digest
from tests.simulation.virtual_loop import VirtualLoop

SHARDS = 4
QUEUE_LIMIT_MESSAGES = 1000
SETTLED_SECONDS = 10.0

_decode = msgspec.msgpack.Decoder(list[m.AnyAnswer]).decode
_decode_peers = msgspec.msgpack.Decoder(list[AnyPeerMessage]).decode


class Hosts:
    """Hosts over one journal that call each other directly."""

    def __init__(self, journal: MemoryJournal) -> None:
        self.journal = journal
        self.by_name: dict[str, Host] = {}
        self.failed: list[str] = []

    def start(self, name: str) -> Host:
        """Start a host."""
        failed = self.failed.append
        host = Host(self.journal, self.journal, SHARDS, name, 1, self._connect, QUEUE_LIMIT_MESSAGES, lambda: failed(name))
        self.by_name[name] = host
        host.start()
        return host

    def _connect(self, actor: str) -> Any:
        if actor not in self.by_name:
            raise HostGone(actor)
        return DirectHandle(self.by_name[actor])

    async def ask(self, name: str, *messages: m.AnyMessage) -> list[m.AnyAnswer]:
        """Return a host's answers."""
        return _decode(await self.by_name[name].loop.submit(msgspec.msgpack.encode(messages)))

    def held(self) -> dict[str, int]:
        """Return how many shards each host holds."""
        return {name: len(host.loop.held) for name, host in self.by_name.items()}


class DirectHandle:
    """Hands messages over without a wire."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def exchange(self, batch: bytes) -> None:
        self._host.loop.receive(batch)


def travelling_seconds(hosts: Hosts, name: str) -> float:
    """Return for how long the first payment of a host has been under way to another."""
    families = host_families([hosts.by_name[name].status()])
    samples = [sample for family in families for sample in family.samples]
    return max(sample.value for sample in samples if sample.name == "payments_shard_travelling_seconds")


def run(work: Coroutine[Any, Any, None], loop: VirtualLoop) -> None:
    """Run a test in virtual time."""
    with patch("processor.clock.time_ns", lambda: START * 1000 + int(loop.time() * 1e9)):
        try:
            loop.run_until_complete(work)
        finally:
            loop.close()


def prepared() -> tuple[VirtualLoop, Hosts]:
    """Return a loop and a ledger whose leases run out by the loop's clock."""
    loop = VirtualLoop(Random(1))
    return loop, Hosts(MemoryJournal(SHARDS, lease_seconds=2.0, clock=loop.time))


def test_hosts_share_the_shards_as_they_come_and_go() -> None:
    loop, hosts = prepared()

    async def work() -> None:
        hosts.start("a")
        await asyncio.sleep(SETTLED_SECONDS)
        assert hosts.held() == {"a": 4}
        hosts.start("b")
        await asyncio.sleep(SETTLED_SECONDS)
        assert hosts.held() == {"a": 2, "b": 2}
        await hosts.by_name["a"].stop()
        await asyncio.sleep(SETTLED_SECONDS)
        assert hosts.held() == {"a": 0, "b": 4}

    run(work(), loop)


def test_the_age_of_a_payment_that_reaches_no_other_host_is_told_until_it_does() -> None:
    loop, hosts = prepared()

    async def work() -> None:
        hosts.start("a")
        hosts.start("b")
        await asyncio.sleep(SETTLED_SECONDS)
        home, away = min(hosts.by_name["a"].loop.held), min(hosts.by_name["b"].loop.held)
        bank, shop = account_on(home, SHARDS), account_on(away, SHARDS)
        await hosts.ask("a", m.OpenAccount(home, bank, "EUR", None))
        await hosts.ask("b", m.OpenAccount(away, shop, "EUR"))
        assert travelling_seconds(hosts, "a") == 0
        unreachable = hosts.by_name.pop("b")
        await hosts.ask("a", m.Pay(home, digest(1), digest(2), bank, shop, 7, "EUR"))
        before = travelling_seconds(hosts, "a")
        await asyncio.sleep(3.0)
        assert travelling_seconds(hosts, "a") == pytest.approx(before + 3.0, abs=0.01)
        hosts.by_name["b"] = unreachable
        await asyncio.sleep(3.0)
        assert travelling_seconds(hosts, "a") == 0

    run(work(), loop)


def test_payments_travel_between_hosts_and_their_answer_comes_from_the_home() -> None:
    loop, hosts = prepared()

    async def work() -> None:
        hosts.start("a")
        hosts.start("b")
        await asyncio.sleep(SETTLED_SECONDS)
        home = min(hosts.by_name["a"].loop.held)
        away = min(hosts.by_name["b"].loop.held)
        bank, shop = account_on(home, SHARDS), account_on(away, SHARDS)
        await hosts.ask("a", m.OpenAccount(home, bank, "EUR", None))
        await hosts.ask("b", m.OpenAccount(away, shop, "EUR"))
        (answer,) = await hosts.ask("a", m.Pay(home, digest(1), digest(2), bank, shop, 7, "EUR"))
        assert isinstance(answer, m.PaymentAnswer)
        assert (answer.result, [shard for shard, _ in answer.others]) == (0, [away])
        (read,) = await hosts.ask("b", m.ReadAccount(away, shop))
        assert isinstance(read, m.AccountAnswer)
        assert read.account is not None
        assert read.account.posted == 7

    run(work(), loop)


def test_a_dead_host_does_not_keep_those_waiting_who_share_a_call_with_a_payment_to_it() -> None:
    loop, hosts = prepared()

    async def work() -> None:
        hosts.start("a")
        hosts.start("b")
        await asyncio.sleep(SETTLED_SECONDS)
        home = min(hosts.by_name["a"].loop.held)
        away = min(hosts.by_name["b"].loop.held)
        bank, shop = account_on(home, SHARDS), account_on(away, SHARDS)
        await hosts.ask("a", m.OpenAccount(home, bank, "EUR", None))
        await hosts.ask("b", m.OpenAccount(away, shop, "EUR", None))
        await hosts.by_name["b"].stop(leave=False)
        pay = m.Pay(home, digest(1), digest(2), bank, shop, 7, "EUR")
        async with asyncio.timeout(1.0):
            travelling, read = await hosts.ask("a", pay, m.ReadAccount(home, bank))
        assert (type(travelling), type(read)) == (m.Unknown, m.AccountAnswer)
        await asyncio.sleep(SETTLED_SECONDS)
        (answer,) = await hosts.ask("a", pay)
        assert isinstance(answer, m.PaymentAnswer)
        assert (answer.result, answer.replayed) == (0, True)

    run(work(), loop)


def test_a_damaged_shard_stays_closed_and_the_others_are_served(caplog: pytest.LogCaptureFixture) -> None:
    loop, hosts = prepared()

    async def work() -> None:
        first = hosts.start("a")
        await asyncio.sleep(SETTLED_SECONDS)
        await hosts.ask("a", *(m.OpenAccount(shard, account_on(shard, SHARDS), "EUR") for shard in range(SHARDS)))
        await first.stop()
        row = hosts.journal.streams[2][1]
        row.frame = row.frame[:-1] + bytes([row.frame[-1] ^ 1])
        second = hosts.start("b")
        await asyncio.sleep(SETTLED_SECONDS)
        assert second.loop.held == {0, 1, 3}
        assert list(second.ownership.broken) == [2]
        assert second.status().broken == second.ownership.broken
        answers = await hosts.ask("b", *(m.ReadAccount(shard, account_on(shard, SHARDS)) for shard in range(SHARDS)))
        assert [type(answer) for answer in answers] == [m.AccountAnswer, m.AccountAnswer, m.NotOwner, m.AccountAnswer]

    run(work(), loop)
    assert "shard 2 stays closed" in caplog.text


def test_a_host_that_was_replaced_takes_back_its_share_from_the_journal() -> None:
    loop, hosts = prepared()

    async def work() -> None:
        host = hosts.start("a")
        await asyncio.sleep(SETTLED_SECONDS)
        epochs = {head.shard: head.epoch for head in host.loop.heads()}
        for shard in range(SHARDS):
            claimed = await hosts.journal.claim(shard, epochs[shard], "somebody who died at once")
            assert claimed is not None
            await hosts.journal.open(shard, claimed, START)
        await asyncio.sleep(SETTLED_SECONDS)
        assert host.loop.held == set(range(SHARDS))
        for head in host.loop.heads():
            assert head.epoch == epochs[head.shard] + 2
            state, last_hash = await recover(hosts.journal, head.shard)
            assert (state.sequence, last_hash) == (head.sequence, head.hash)

    run(work(), loop)


def test_a_host_that_can_no_longer_work_says_so_rather_than_hold_shards_that_nobody_serves() -> None:
    loop, hosts = prepared()

    async def work() -> None:
        hosts.start("a")
        await asyncio.sleep(SETTLED_SECONDS)
        assert hosts.failed == []
        with patch.object(hosts.journal, "heartbeat", side_effect=ZeroDivisionError("a mistake of ours")):
            await asyncio.sleep(SETTLED_SECONDS)
        assert hosts.failed == ["a"]

    run(work(), loop)
