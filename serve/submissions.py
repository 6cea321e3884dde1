"""Calls to the ledger that outlive their client: once submitted, a message is carried through."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Outcome = TypeVar("Outcome")


class Submissions:
    """The calls under way. Each runs in a task of its own, so that cancelling the request does not cancel it."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, call: Coroutine[Any, Any, Outcome]) -> Outcome:
        """Return the call's outcome, or raise what it raises."""
        task = asyncio.get_running_loop().create_task(call)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def drain(self, timeout_seconds: float) -> int:
        """Wait for all calls under way and return how many are still running after the timeout."""
        if not self._running:
            return 0
        _, late = await asyncio.wait(set(self._running), timeout=timeout_seconds)
        return len(late)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Looking at the exception keeps asyncio from reporting it once more when its client has gone.
            task.exception()
