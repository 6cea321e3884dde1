"""A host's figures say what it did, and no more than that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from actors import recalls
from actors.host import Host, HostGone
from actors.metrics import host_families
from processor.core import messages as m
from processor.core.ledger import Retention
from processor.journal.interface import Fenced
from processor.journal.memory import MemoryJournal
from processor.projections.memory_archive import MemoryArchive
from tests.cluster import account_on, digest
from tests.unit.actors.rounds import until

SHARDS = 2
QUEUE_LIMIT_MESSAGES = 10
SMALL = Retention(outcomes=4, filter_bytes=64)
_decode = msgspec.msgpack.Decoder(list[m.AnyAnswer]).decode

pytestmark = pytest.mark.anyio


class Served:
    """A host that serves both shards of a journal in memory, with an archive."""

    def __init__(self) -> None:
        self.journal = MemoryJournal(SHARDS)
        self.archive = MemoryArchive(self.journal)
        self.host = Host(
            self.journal, self.journal, SHARDS, "host", 1, self._connect, QUEUE_LIMIT_MESSAGES, archive=self.archive,
            retention=SMALL,
        )  # fmt: skip

    def _connect(self, actor: str) -> Any:
        raise HostGone(actor)

    async def ask(self, *messages: m.AnyMessage) -> list[m.AnyAnswer]:
        """Return the answers to one call."""
        return _decode(await self.host.loop.submit(msgspec.msgpack.encode(messages)))

    async def open(self, shard: int, nth: int = 0) -> None:
        """Open the nth account of a shard."""
        await self.ask(m.OpenAccount(shard, account_on(shard, SHARDS, nth), "EUR", None))

    def payment(self, key: str) -> m.Pay:
        """Return a payment between the first two accounts of shard 0."""
        source, target = account_on(0, SHARDS, 0), account_on(0, SHARDS, 1)
        return m.Pay(0, digest(key), digest(("body", key)), source, target, 5, "EUR")

    def figures(self) -> dict[tuple[str, ...], float]:
        """Return every sample by its name and its labels' values, the host's name left out."""
        return {
            (sample.name, *(value for label, value in sample.labels.items() if label != "host")): sample.value
            for family in host_families([self.host.status()])
            for sample in family.samples
        }


@asynccontextmanager
async def serving() -> AsyncIterator[Served]:
    """Run such a host until the block ends."""
    served = Served()
    served.host.start()
    try:
        await until(lambda: len(served.host.loop.held) == SHARDS)
        yield served
    finally:
        await served.host.stop(leave=False)


async def test_turns_messages_events_records_and_bytes_are_counted() -> None:
    async with serving() as served:
        before = served.figures()
        heads = [await served.journal.head(shard) for shard in range(SHARDS)]
        await served.open(0, 0)
        await served.open(0, 1)
        await served.ask(served.payment("1"), served.payment("2"), served.payment("1"))
        after = served.figures()
        records = [record async for record in served.journal.read(0, heads[0].sequence)]
    grown = {key: after[key] - before[key] for key in after}
    assert grown["payments_host_messages_total",] == 5
    assert grown["payments_host_turn_messages_count",] == 3
    assert grown["payments_host_turn_messages_bucket", "1.0"] == 2
    assert grown["payments_host_turn_messages_bucket", "5.0"] == 3
    assert grown["payments_host_append_seconds_count",] == grown["payments_host_decide_seconds_bucket", "+Inf"] == 3
    assert grown["payments_shard_events_total", "0"] == 4
    assert grown["payments_shard_records_total", "0"] == grown["payments_shard_sequence", "0"] == len(records) == 3
    assert grown["payments_shard_appended_bytes_total", "0"] == sum(len(record.payload) for record in records)
    assert (grown["payments_shard_accounts", "0"], grown["payments_shard_outcomes", "0"]) == (2, 2)
    assert not any(value for key, value in grown.items() if key[0].startswith("payments_shard_") and key[1] == "1")


async def test_a_full_queue_is_counted_by_message() -> None:
    async with serving() as served:
        filling = asyncio.ensure_future(served.ask(*(served.payment(str(number)) for number in range(QUEUE_LIMIT_MESSAGES))))
        await asyncio.sleep(0)
        assert served.figures()["payments_host_queue_messages",] == QUEUE_LIMIT_MESSAGES
        assert served.figures()["payments_host_queue_limit_messages",] == QUEUE_LIMIT_MESSAGES
        answers = await served.ask(served.payment("a"), served.payment("b"))
        assert [type(answer) for answer in answers] == [m.Busy, m.Busy]
        await filling
        assert served.figures()["payments_host_busy_messages_total",] == 2


async def test_a_shard_that_went_and_came_back_begins_at_zero() -> None:
    async with serving() as served:
        await served.open(0)
        assert served.figures()["payments_shard_events_total", "0"] == 1
        await served.host.loop.give_up(0)
        assert ("payments_shard_events_total", "0") not in served.figures()
        while 0 not in served.host.loop.held:
            await asyncio.sleep(0.01)  # until the next heartbeat
        assert served.figures()["payments_shard_events_total", "0"] == 0
        assert served.figures()["payments_shard_accounts", "0"] == 1


async def test_a_halt_is_counted() -> None:
    async with serving() as served:
        served.host.loop.halt(Fenced("somebody else owns it"))
        await until(lambda: not served.host.loop.held)
        assert served.figures()["payments_host_halts_total",] == 1


async def test_the_wait_for_the_archive_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalls, "WATCH_SECONDS", 0)
    async with serving() as served:
        await served.open(0, 0)
        await served.open(0, 1)
        await served.ask(served.payment("old"))
        number = 0
        while served.figures()["payments_host_recall_seconds_count",] == 0:
            number += 1
            assert number < 1_000, "memory never forgets"
            await served.ask(served.payment(f"newer {number}"))
            await served.archive.advance()
            await served.ask(served.payment("old"))
        assert served.figures()["payments_host_busy_messages_total",] == 0
