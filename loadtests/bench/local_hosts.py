"""Shard hosts without Ray and HTTP: whole hosts (actors/host.py) over one PostgreSQL journal, all in this process."""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from time import perf_counter
from typing import Any, TypeVar

import msgspec
import uvloop

from actors.host import Host, HostGone, HostHandle, HostStatus
from loadtests.bench.collector import collector_as_in_a_host
from loadtests.bench.failure import BenchFailed
from processor.core.messages import AccountAnswer, AnyAnswer, AnyMessage, PaymentAnswer, Unknown
from processor.core.results import Result
from processor.journal.postgres import PostgresJournal, PostgresShardMap

CALLS_IN_FLIGHT = 2
"""One under way, one that waits for its turn."""

_LEASE_SECONDS = 3_600.0
"""The event loop stands still while other sides are measured, and nobody may be taken for dead because of that."""

_QUEUE_MESSAGES_MAX = 1_000_000
_CLAIM_SECONDS = 120.0
_POLL_SECONDS = 0.01
_ATTEMPTS = 100

_decode_messages = msgspec.msgpack.Decoder(list[AnyMessage]).decode
_decode = msgspec.msgpack.Decoder(list[AnyAnswer]).decode
_encode = msgspec.msgpack.Encoder().encode

Value = TypeVar("Value")
Call = tuple[int, bytes]
"""The number of a host, and a MessagePack list of messages to it."""


class Neighbour:
    """Implements HostHandle for a host in the same process."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def submit(self, batch: bytes) -> bytes:
        return await self._host.loop.submit(batch)

    async def exchange(self, batch: bytes) -> None:
        self._host.loop.receive(batch)

    async def status(self) -> HostStatus:
        return self._host.status()


class LocalHosts:
    """So many hosts, which share the shards of the ledger among them. They work only while something is asked of them."""

    def __init__(self, url: str, count: int) -> None:
        self._url = url
        self._count = count
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._hosts: list[Host] = []
        self._journals: list[PostgresJournal] = []
        self._maps: list[PostgresShardMap] = []

    def start(self) -> None:
        """Start the hosts, and return when all shards have an owner. Raises BenchFailed."""
        self._run(self._start())

    def stop(self) -> None:
        """Stop the hosts and close their connections."""
        self._run(self._stop())
        self._runner.close()

    def submit(self, calls: Sequence[Call], seconds: float = float("inf")) -> tuple[int, float]:
        """Send calls, a few at a time to each host, until all are answered or the time is over.

        Returns how many messages were accepted, and the seconds that it took. Raises BenchFailed if one was refused.
        """
        with collector_as_in_a_host():
            return self._run(self._submit(calls, seconds))

    def split(self, lists: Sequence[bytes]) -> list[Call]:
        """Divide lists of messages among the hosts that own the messages' shards."""
        if self._count == 1:
            return [(0, data) for data in lists]
        owners = {shard: number for number, host in enumerate(self._hosts) for shard in host.loop.held}
        calls = []
        for data in lists:
            parts: dict[int, list[AnyMessage]] = {}
            for message in _decode_messages(data):
                parts.setdefault(owners[message.shard], []).append(message)
            calls += [(number, _encode(messages)) for number, messages in parts.items()]
        return calls

    def turns(self) -> int:
        """Return how many turns the hosts have taken."""
        return sum(host.status().turns for host in self._hosts)

    def heads(self) -> dict[int, int]:
        """Return every shard's newest sequence."""
        return {head.shard: head.sequence for host in self._hosts for head in host.loop.heads()}

    def record_bytes(self, after: dict[int, int]) -> tuple[int, int]:
        """Return how many records follow those sequences, and the bytes of their payloads."""
        return self._run(self._record_bytes(after))

    def _run(self, work: Coroutine[Any, Any, Value]) -> Value:
        return self._runner.run(work)

    async def _start(self) -> None:
        for number in range(self._count):
            journal = await PostgresJournal.connect(self._url)
            shard_map = await PostgresShardMap.connect(self._url, lease_seconds=_LEASE_SECONDS)
            shards = await journal.shard_count()
            host = Host(journal, shard_map, shards, f"bench-{number}", os.getpid(), self._connect, _QUEUE_MESSAGES_MAX)
            self._journals.append(journal)
            self._maps.append(shard_map)
            self._hosts.append(host)
            host.start()
        give_up_at = perf_counter() + _CLAIM_SECONDS
        while sorted(len(host.loop.held) for host in self._hosts)[0] < shards // self._count:
            if perf_counter() > give_up_at:
                raise BenchFailed(f"{self._count} hosts did not share {shards} shards within {_CLAIM_SECONDS:g} s")
            await asyncio.sleep(_POLL_SECONDS)

    async def _stop(self) -> None:
        for host in self._hosts:
            await host.stop(leave=False)
        for journal in self._journals:
            await journal.close()
        for shard_map in self._maps:
            await shard_map.close()

    def _connect(self, actor: str) -> HostHandle:
        for host in self._hosts:
            if host.name == actor:
                return Neighbour(host)
        raise HostGone(actor)

    async def _submit(self, calls: Sequence[Call], seconds: float) -> tuple[int, float]:
        waiting = [iter([data for number, data in calls if number == host]) for host in range(self._count)]
        started = perf_counter()
        stop_at = started + seconds

        async def drive(number: int) -> int:
            accepted = 0
            for data in waiting[number]:
                if perf_counter() >= stop_at:
                    break
                accepted += await _accepted(self._hosts[number], data)
            return accepted

        drivers = (drive(number) for number in range(self._count) for _ in range(CALLS_IN_FLIGHT))
        accepted = sum(await asyncio.gather(*drivers))
        return accepted, perf_counter() - started

    async def _record_bytes(self, after: dict[int, int]) -> tuple[int, int]:
        journal = self._journals[0]
        records = [len(record.payload) for shard, sequence in after.items() async for record in journal.read(shard, sequence)]
        return len(records), sum(records)


async def _accepted(host: Host, data: bytes) -> int:
    """Have every message of a list accepted; what travels for too long is asked for again with its own key."""
    count = 0
    for _ in range(_ATTEMPTS):
        answers = _decode(await host.loop.submit(data))
        known = [answer for answer in answers if not isinstance(answer, Unknown)]
        if not all(isinstance(answer, PaymentAnswer | AccountAnswer) and answer.result is Result.ACCEPTED for answer in known):
            raise BenchFailed("a shard host refused a message that it should accept")
        count += len(known)
        if len(known) == len(answers):
            return count
        asked = _decode_messages(data)
        data = _encode([message for message, answer in zip(asked, answers, strict=True) if isinstance(answer, Unknown)])
    raise BenchFailed(f"payments between two hosts had no outcome after {_ATTEMPTS} attempts")
