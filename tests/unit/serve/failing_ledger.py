"""A running ledger whose next answers can be held back, made older, or turned into errors."""

import asyncio
from collections.abc import Awaitable, Sequence

from actors.payment_outcomes import PaymentOutcomes
from processor.core.messages import AnyAnswer, AnyMessage, Capture, OperationAnswer, PayMany, Refund, Void
from processor.operation_history import RecordedOperation
from serve.ledger import HostStatus, LedgerError, ShardStatus
from serve.routed_ledger import RoutedLedger


class FailingLedger:
    """Implements Ledger. `error` is raised instead of answering; `errors` by position in a batch; `gate` is waited for."""

    def __init__(self, ledger: RoutedLedger) -> None:
        self._ledger = ledger
        self.shards = ledger.shards
        self.reads = ledger.reads
        self.error: Exception | None = None
        self.errors: dict[int, LedgerError] = {}
        self.obstacles: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.answered = asyncio.Event()

    async def ask(self, message: AnyMessage) -> AnyAnswer:
        self.asked.set()
        await self.gate.wait()
        self._fail()
        answer = await self._ledger.ask(message)
        self.answered.set()
        return answer

    def submit(self, message: AnyMessage) -> Awaitable[AnyAnswer]:
        # As behind a lane: what is under way goes on, whoever still waits for it.
        return asyncio.shield(asyncio.ensure_future(self.ask(message)))

    async def insist(self, message: AnyMessage, answer: AnyAnswer) -> AnyAnswer:
        return await self._ledger.insist(message, answer)

    async def ask_all(self, messages: list[AnyMessage]) -> list[AnyAnswer | LedgerError]:
        self._fail()
        answers = await self._ledger.ask_all([message for index, message in enumerate(messages) if index not in self.errors])
        following = iter(answers)
        return [self.errors.get(index) or next(following) for index in range(len(messages))]

    async def pay_many(self, payments: PayMany) -> PaymentOutcomes:
        self._fail()
        outcomes = PaymentOutcomes(len(payments))
        outcomes.others.update((place, error) for place, error in self.errors.items() if place < len(payments))
        asked = [place for place in range(len(payments)) if place not in outcomes.others]
        if asked:
            taken = await self._ledger.pay_many(payments.select(asked))
            outcomes.records, outcomes.positions = taken.records, taken.positions
            outcomes.others.update((asked[place], answer) for place, answer in taken.others.items())
            for place, record, index in zip(asked, taken.record_of, taken.indexes, strict=True):
                outcomes.record_of[place], outcomes.indexes[place] = record, index
        return outcomes

    async def operations(self, accepted: Sequence[tuple[Capture | Void | Refund, OperationAnswer]]) -> list[RecordedOperation]:
        self._fail()
        return await self._ledger.operations(accepted)

    async def shard_status(self) -> list[ShardStatus]:
        self._fail()
        return await self._ledger.shard_status()

    async def host_status(self) -> list[HostStatus]:
        self._fail()
        return await self._ledger.host_status()

    async def readiness(self) -> list[str]:
        return self.obstacles

    async def reach(self) -> list[str]:
        return self.obstacles

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error
