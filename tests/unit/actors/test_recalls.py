"""What memory has forgotten is asked of the archive, while the commit loop goes on; without an archive nothing is guessed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from actors import recalls
from actors.commit_loop import CommitLoop
from processor.core import messages as m
from processor.core.ledger import Retention
from processor.core.recall import AnyFact, Recall
from processor.core.results import Result
from processor.core.shard import Shard
from processor.journal.memory import MemoryJournal
from processor.projections.interface import ArchiveUnavailable
from processor.projections.memory_archive import MemoryArchive
from processor.recovery import recover
from tests.cluster import START, account_on, digest
from tests.unit.actors.rounds import until

SMALL = Retention(outcomes=4, filter_bytes=64)
_decode = msgspec.msgpack.Decoder(list[m.AnyAnswer]).decode

pytestmark = pytest.mark.anyio


class GatedArchive(MemoryArchive):
    """An archive that counts its questions, answers when the gate is open, and fails while it `is_down`."""

    def __init__(self, journal: MemoryJournal) -> None:
        super().__init__(journal)
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[Recall] = []
        self.is_down = False

    async def recall(self, asked: Sequence[Recall]) -> list[AnyFact]:
        self.asked.extend(asked)
        await self.gate.wait()
        if self.is_down:
            raise ArchiveUnavailable("it is down")
        return await super().recall(asked)


class Served:
    """A commit loop over one shard with two accounts, and its archive."""

    def __init__(self, archive: GatedArchive | None, journal: MemoryJournal) -> None:
        self.journal = journal
        self.archive = archive
        self.source, self.target = account_on(0, 1, 0), account_on(0, 1, 1)
        self.loop = CommitLoop(journal, 1, lambda messages: None, archive=archive, retention=SMALL)

    async def begin(self) -> None:
        """Take the shard over and open the accounts."""
        epoch = await self.journal.claim(0, 0, "host")
        assert epoch is not None
        head = await self.journal.open(0, epoch, START)
        state, _ = await recover(self.journal, 0)
        await self.loop.take_over(state, head)
        for account in (self.source, self.target):
            await self.ask(m.OpenAccount(0, account, "EUR", None))

    async def ask(self, message: m.AnyMessage) -> m.AnyAnswer:
        """Return the answer."""
        return _decode(await self.loop.submit(msgspec.msgpack.encode([message])))[0]

    async def pay(self, key: str, amount: int = 5) -> m.PaymentAnswer:
        """Make a payment and return its answer."""
        answer = await self.ask(m.Pay(0, digest(key), digest((key, amount)), self.source, self.target, amount, "EUR"))
        assert isinstance(answer, m.PaymentAnswer)
        return answer

    def refund(self, payment: m.PaymentAnswer, key: str, amount: int) -> m.Refund:
        """Return the message that gives part of a payment back."""
        return m.Refund(0, payment.at, payment.sequence, payment.index, digest(key), digest((key, amount)), (amount,))

    async def age(self, generations: int = 2) -> None:
        """Make payments until what was there before has left memory."""
        assert self.archive is not None
        for _ in range(generations):
            boundary = self.state.boundary
            while self.state.boundary == boundary:
                await self.pay(f"filler {self.state.sequence}", 1)
                await self.archive.advance()
                await asyncio.sleep(0)

    @property
    def state(self) -> Shard:
        """The shard in the loop's memory."""
        return self.loop._ledger.shards[0]


@asynccontextmanager
async def serving(with_archive: bool = True) -> AsyncIterator[Served]:
    """Run such a loop."""
    journal = MemoryJournal(1)
    served = Served(GatedArchive(journal) if with_archive else None, journal)
    task = asyncio.ensure_future(served.loop.run())
    try:
        await served.begin()
        yield served
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def impatient_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for the archive's positions at once."""
    monkeypatch.setattr(recalls, "WATCH_SECONDS", 0)


async def test_a_key_two_generations_old_still_answers_with_its_first_result() -> None:
    async with serving() as served:
        first = await served.pay("old")
        await served.age(3)
        assert digest("old") not in served.state.outcomes | served.state.earlier
        again = await served.pay("old")
        assert again.replayed
        assert (again.at, again.sequence, again.index) == (first.at, first.sequence, first.index)
        assert (await served.pay("old", amount=6)).result is Result.IDEMPOTENCY_KEY_REUSED


async def test_memory_stays_bounded_while_payments_go_on() -> None:
    async with serving() as served:
        for _ in range(10):
            await served.age(1)
            assert len(served.state.outcomes) + len(served.state.earlier) <= 4 * SMALL.outcomes


async def test_nothing_is_forgotten_that_the_archive_does_not_have() -> None:
    async with serving() as served:
        await served.age(1)  # An empty generation has gone; from here on the archive stands still.
        for number in range(6 * SMALL.outcomes):
            await served.pay(f"late {number}")
            await asyncio.sleep(0)
        assert served.state.forgotten <= (await served.archive.positions())[0]  # type: ignore[union-attr]
        assert (await served.pay("late 0")).replayed


async def test_a_payment_that_left_memory_is_refunded_and_can_not_be_refunded_beyond_what_was_captured() -> None:
    async with serving() as served:
        payment = await served.pay("old", 10)
        await served.age(3)
        first = await served.ask(served.refund(payment, "r1", 7))
        assert isinstance(first, m.OperationAnswer)
        assert first.payment is not None
        assert (first.result, first.payment.status, first.payment.refunded) == (Result.ACCEPTED, "partially_refunded", (7,))
        await served.age(3)
        assert not served.state.payments
        second = await served.ask(served.refund(payment, "r2", 4))
        assert isinstance(second, m.OperationAnswer)
        assert second.result is Result.AMOUNT_EXCEEDS_CAPTURED
        third = await served.ask(served.refund(payment, "r3", 3))
        assert isinstance(third, m.OperationAnswer)
        assert third.payment is not None
        assert third.payment.status == "refunded"


async def test_the_loop_goes_on_while_the_archive_is_asked() -> None:
    async with serving() as served:
        payment = await served.pay("old", 10)
        assert served.archive is not None
        served.archive.gate.clear()
        asked = asyncio.ensure_future(served.ask(served.refund(payment, "r", 1)))
        await until(lambda: served.archive is not None and served.archive.asked)
        assert (await served.pay("meanwhile")).result is Result.ACCEPTED
        assert not asked.done()
        served.archive.gate.set()
        answer = await asked
        assert isinstance(answer, m.OperationAnswer)
        assert answer.result is Result.ACCEPTED


async def test_without_its_archive_a_refund_is_not_guessed_but_may_be_tried_again() -> None:
    async with serving() as served:
        payment = await served.pay("old", 10)
        assert served.archive is not None
        served.archive.is_down = True
        assert isinstance(await served.ask(served.refund(payment, "r", 1)), m.Busy)
        served.archive.is_down = False
        answer = await served.ask(served.refund(payment, "r", 1))
        assert isinstance(answer, m.OperationAnswer)
        assert answer.result is Result.ACCEPTED
        assert not answer.replayed


async def test_a_payment_that_never_was_is_not_found() -> None:
    async with serving() as served:
        answer = await served.ask(m.Refund(0, START, 77, 0, digest("r"), digest("r"), None))
        assert isinstance(answer, m.OperationAnswer)
        assert answer.result is Result.PAYMENT_NOT_FOUND


async def test_a_loop_that_halts_answers_those_who_wait_for_the_archive() -> None:
    async with serving() as served:
        payment = await served.pay("old", 10)
        assert served.archive is not None
        served.archive.gate.clear()
        asked = asyncio.ensure_future(served.ask(served.refund(payment, "r", 1)))
        await until(lambda: served.archive is not None and served.archive.asked)
        served.loop.halt(RuntimeError("somebody else owns the shard"))
        assert isinstance(await asked, m.Unknown)


async def test_a_replay_of_the_journal_forgets_what_memory_forgot() -> None:
    async with serving() as served:
        payment = await served.pay("old", 10)
        await served.age(3)
        await served.ask(served.refund(payment, "r", 7))
        await served.age(2)
        replayed, _ = await recover(served.journal, 0, from_snapshot=False)
        assert replayed.encode() == served.state.encode()
        assert Shard.decode(replayed.encode()).encode() == replayed.encode()
