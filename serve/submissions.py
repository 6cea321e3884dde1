"""Calls to the ledger that outlive their client: once submitted, a message is carried through.

What most requests ask for is on its way before anything is waited for, and costs no task of its own. Only what must be asked again,
because a shard has moved or its host is lost, is carried on by a task that does not end with the request.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from processor.core.messages import AnyAnswer, AnyMessage, Busy, NotOwner, Unknown
from serve.ledger import Ledger

Outcome = TypeVar("Outcome")
_POLL_SECONDS = 0.001


class Submissions:
    """The calls under way."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._waiting = 0

    async def ask(self, ledger: Ledger, message: AnyMessage) -> AnyAnswer:
        """Return the answer to one message. Raises LedgerError."""
        self._waiting += 1
        try:
            answer = await ledger.submit(message)
        finally:
            self._waiting -= 1
        if isinstance(answer, NotOwner | Busy | Unknown):
            return await self.run(ledger.insist(message, answer))
        return answer

    async def run(self, call: Coroutine[Any, Any, Outcome]) -> Outcome:
        """Return the call's outcome, or raise what it raises. The call has a task of its own: cancelling the request ends it not."""
        task = asyncio.get_running_loop().create_task(call)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def drain(self, timeout_seconds: float) -> int:
        """Wait for all calls under way and return how many are still running after the timeout."""
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + timeout_seconds
        while (late := len(self._running) + self._waiting) and clock() < give_up_at:
            await asyncio.sleep(_POLL_SECONDS)
        return late

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Looking at the exception keeps asyncio from reporting it once more when its client has gone.
            task.exception()
