"""Readers of the past take turns, so that however many there are, payments in the same process do not wait for them."""

import asyncio
from time import monotonic
from types import TracebackType


class Turns:
    """`async with turns:` around a small piece of work: one reader at a time, and after each a rest as long as it took."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._free_at = 0.0
        self._began = 0.0

    async def __aenter__(self) -> None:
        await self._lock.acquire()
        try:
            await asyncio.sleep(max(0.0, self._free_at - monotonic()))
        except BaseException:
            self._lock.release()
            raise
        self._began = monotonic()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        ended = monotonic()
        self._free_at = ended + (ended - self._began)
        self._lock.release()
