"""The commit loop over a real journal: answers wait for the journal, and a loop that is no longer the owner says nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from actors.commit_loop import CommitLoop
from processor.core import messages as m
from processor.core.peers import AnyPeerMessage
from processor.core.results import Result
from processor.core.shard import Shard
from processor.journal.interface import JournalUnavailable
from processor.journal.memory import MemoryJournal
from processor.journal.record import Record
from processor.recovery import recover
from tests.cluster import START, account_on, digest
from tests.unit.actors.rounds import until

SHARDS = 2
_decode = msgspec.msgpack.Decoder(list[m.AnyAnswer]).decode

pytestmark = pytest.mark.anyio


class GatedJournal(MemoryJournal):
    """A journal whose appends wait until they are let through, and may fail before or after they took effect."""

    def __init__(self) -> None:
        super().__init__(SHARDS)
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()
        self.fails_before: Exception | None = None
        self.fails_after: Exception | None = None

    async def append(self, records: Sequence[Record]) -> None:
        self.arrived.set()
        await self.gate.wait()
        if self.fails_before is not None:
            raise self.fails_before
        await super().append(records)
        if self.fails_after is not None:
            raise self.fails_after


class Served:
    """A running commit loop that holds both shards, and what it did."""

    def __init__(self, journal: MemoryJournal, host: str, queue_limit_messages: int = 50_000) -> None:
        self.journal = journal
        self.host = host
        self.sent: list[AnyPeerMessage] = []
        self.loop = CommitLoop(journal, SHARDS, self.sent.extend, queue_limit_messages)

    async def claim(self, *shards: int) -> None:
        """Take shards over, as the ownership loop does it."""
        for shard in shards:
            epoch = await self.journal.claim(shard, self.journal.epoch(shard), self.host)
            assert epoch is not None
            head = await self.journal.open(shard, epoch, START)
            state, _ = await recover(self.journal, shard)
            await self.loop.take_over(state, head)

    async def ask(self, *messages: m.AnyMessage) -> list[m.AnyAnswer]:
        """Return the answers."""
        return _decode(await self.loop.submit(msgspec.msgpack.encode(messages)))


@asynccontextmanager
async def serving(journal: MemoryJournal, *shards: int, host: str = "host", limit: int = 50_000) -> AsyncIterator[Served]:
    """Run a commit loop that has taken over these shards."""
    served = Served(journal, host, limit)
    task = asyncio.ensure_future(served.loop.run())
    try:
        await served.claim(*shards)
        yield served
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def opening(shard: int, nth: int = 0, currency: str = "EUR") -> m.OpenAccount:
    """Return the message that opens the nth account of a shard."""
    return m.OpenAccount(shard, account_on(shard, SHARDS, nth), currency, None)


def payment(key: str, shard: int = 0, to_shard: int = 0, amount: int = 5) -> m.Pay:
    """Return a payment between the first accounts of two shards, or the first two of one."""
    target = account_on(to_shard, SHARDS, 1 if shard == to_shard else 0)
    return m.Pay(shard, digest(key), digest((key, amount)), account_on(shard, SHARDS), target, amount, "EUR")


async def test_an_answer_waits_for_the_journal() -> None:
    journal = GatedJournal()
    async with serving(journal, 0, 1) as served:
        journal.gate.clear()
        journal.arrived.clear()
        asked = asyncio.ensure_future(served.ask(opening(0)))
        await journal.arrived.wait()
        assert not asked.done()
        journal.gate.set()
        (answer,) = await asked
        assert isinstance(answer, m.AccountAnswer)
        assert (answer.result, answer.created, answer.sequence) == (Result.ACCEPTED, True, 2)
        assert (await journal.head(0)).sequence == 2


async def test_what_arrives_during_an_append_shares_the_next_one() -> None:
    journal = GatedJournal()
    async with serving(journal, 0, 1) as served:
        journal.gate.clear()
        journal.arrived.clear()
        first = asyncio.ensure_future(served.ask(opening(0, 0)))
        await journal.arrived.wait()
        others = [asyncio.ensure_future(served.ask(opening(0, nth), opening(1, nth))) for nth in range(1, 6)]
        await until(lambda: served.loop.queue_length == 10)
        journal.gate.set()
        await asyncio.gather(first, *others)
        assert [(await journal.head(shard)).sequence for shard in range(2)] == [3, 2]


async def test_shards_of_one_host_share_one_atomic_append() -> None:
    journal = MemoryJournal(SHARDS)
    async with serving(journal, 0, 1) as served:
        await served.ask(opening(0), opening(1))
        (answer,) = await served.ask(payment("key", 0, 1))
        assert isinstance(answer, m.PaymentAnswer)
        assert (answer.result, answer.others) == (Result.ACCEPTED, ((1, 3),))
        assert [head.sequence for head in served.loop.heads()] == [3, 3]
        assert served.sent == []


async def test_a_fault_of_the_program_halts_the_loop_and_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    journal = GatedJournal()
    async with serving(journal, 0, 1) as served:
        journal.fails_before = ValueError("an append takes at most so many bytes: divide it")
        assert await served.ask(opening(0)) == [m.Unknown()]
        assert served.loop.held == set()
        assert "the commit loop failed" in caplog.text
        journal.fails_before = None
        await served.claim(0)
        (answer,) = await served.ask(opening(0))
        assert isinstance(answer, m.AccountAnswer)
        assert answer.created


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_failed_append_is_answered_as_unknown_and_the_memory_is_dropped(moment: str) -> None:
    journal = GatedJournal()
    async with serving(journal, 0, 1) as served:
        await served.ask(opening(0, 0), opening(0, 1))
        failure = JournalUnavailable("the connection was lost")
        journal.fails_before, journal.fails_after = (failure, None) if moment == "before" else (None, failure)
        assert await served.ask(payment("key")) == [m.Unknown()]
        assert served.loop.held == set()
        journal.fails_before = journal.fails_after = None
        assert await served.ask(payment("key")) == [m.NotOwner(0)]
        await served.claim(0)
        (answer,) = await served.ask(payment("key"))
        assert isinstance(answer, m.PaymentAnswer)
        assert (answer.result, answer.replayed) == (Result.ACCEPTED, moment == "after")


async def test_a_replaced_writer_is_refused_and_answers_nobody() -> None:
    journal = MemoryJournal(SHARDS)
    async with serving(journal, 0, host="old") as old, serving(journal, host="new") as new:
        await old.ask(opening(0, 0), opening(0, 1))
        await new.claim(0)
        assert await old.ask(payment("key")) == [m.Unknown()]
        assert old.loop.held == set()
        (answer,) = await new.ask(payment("key"))
        assert isinstance(answer, m.PaymentAnswer)
        assert not answer.replayed


async def test_a_replaced_owner_does_not_answer_reads() -> None:
    journal = MemoryJournal(SHARDS)
    async with serving(journal, 0, host="old") as old, serving(journal, host="new") as new:
        await old.ask(opening(0, 0))
        await new.claim(0)
        assert await old.ask(m.ReadAccount(0, account_on(0, SHARDS))) == [m.Unknown()]


async def test_a_read_of_a_lost_shard_is_not_answered_beside_a_write_to_a_kept_one() -> None:
    """The append proves the ownership of the shards that it writes to, and of no other."""
    journal = MemoryJournal(SHARDS)
    async with serving(journal, 0, 1, host="old") as old, serving(journal, host="new") as new:
        await old.ask(opening(0, 0), opening(1, 0), opening(1, 1))
        await new.claim(1)
        (paid,) = await new.ask(payment("key", 1, 1))
        assert isinstance(paid, m.PaymentAnswer)
        answers = await old.ask(opening(0, 1), m.ReadAccount(1, account_on(1, SHARDS)))
        assert answers == [m.Unknown(), m.Unknown()]


async def test_a_refusal_does_not_rest_on_the_state_of_a_lost_shard() -> None:
    journal = MemoryJournal(SHARDS)
    async with serving(journal, 0, 1, host="old") as old, serving(journal, host="new") as new:
        await old.ask(opening(0, 0))
        await new.claim(1)
        await new.ask(opening(1, 0))
        assert await old.ask(payment("key", 0, 1)) == [m.Unknown()]
        assert (await journal.head(0)).sequence == 2


async def test_above_the_queue_s_limit_everything_is_refused_at_once() -> None:
    journal = GatedJournal()
    async with serving(journal, 0, 1, limit=2) as served:
        journal.gate.clear()
        journal.arrived.clear()
        first = asyncio.ensure_future(served.ask(opening(0, 0)))
        await journal.arrived.wait()
        second = asyncio.ensure_future(served.ask(opening(0, 1), opening(0, 2)))
        await until(lambda: served.loop.queue_length)
        refused = await served.ask(opening(0, 3))
        assert [type(answer) for answer in refused] == [m.Busy]
        journal.gate.set()
        assert [type(answer) for answer in [*await first, *await second]] == [m.AccountAnswer] * 3


async def test_a_caller_that_goes_away_does_not_take_back_what_it_asked() -> None:
    journal = GatedJournal()
    async with serving(journal, 0, 1) as served:
        journal.gate.clear()
        journal.arrived.clear()
        asked = asyncio.ensure_future(served.ask(opening(0, 0)))
        await journal.arrived.wait()
        asked.cancel()
        journal.gate.set()
        (answer,) = await served.ask(opening(0, 0))
        assert isinstance(answer, m.AccountAnswer)
        assert (answer.result, answer.created) == (Result.ACCEPTED, False)


async def test_a_shard_that_was_given_up_is_answered_as_not_owned() -> None:
    journal = MemoryJournal(SHARDS)
    async with serving(journal, 0, 1) as served:
        await served.ask(opening(0, 0))
        head = await served.loop.give_up(0)
        assert head is not None
        assert head.sequence == 2
        gone, kept = await served.ask(opening(0, 1), opening(1, 0))
        assert (gone, type(kept)) == (m.NotOwner(0), m.AccountAnswer)
        assert await served.loop.give_up(0) is None


async def test_a_digest_beside_writes_is_of_the_sealed_record() -> None:
    journal = MemoryJournal(SHARDS)
    async with serving(journal, 0) as served:
        _, answer = await served.ask(opening(0, 0), m.ReadDigest(0))
        state, _ = await recover(journal, 0)
        assert answer == m.DigestAnswer(2, state.digest())
        assert isinstance(state, Shard)


async def test_money_for_another_host_is_sent_only_after_it_is_durable() -> None:
    journal = GatedJournal()
    async with serving(journal, 0) as served:
        await served.ask(opening(0, 0))
        journal.gate.clear()
        journal.arrived.clear()
        asked = asyncio.ensure_future(served.ask(payment("key", 0, 1)))
        await journal.arrived.wait()
        assert served.sent == []
        journal.gate.set()
        await until(lambda: served.sent)
        assert [message.shard for message in served.sent] == [1]
        asked.cancel()
