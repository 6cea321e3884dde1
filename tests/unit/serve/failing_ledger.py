"""A running ledger whose next answers can be held back, made older, or turned into errors."""

import asyncio
from collections.abc import Sequence

from processor.core.messages import AnyAnswer, AnyMessage, Capture, OperationAnswer, Refund, Void
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

    async def ask_all(self, messages: list[AnyMessage]) -> list[AnyAnswer | LedgerError]:
        self._fail()
        answers = await self._ledger.ask_all([message for index, message in enumerate(messages) if index not in self.errors])
        following = iter(answers)
        return [self.errors.get(index) or next(following) for index in range(len(messages))]

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

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error
