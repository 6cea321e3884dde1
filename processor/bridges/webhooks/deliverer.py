"""Sees which endpoints have something to be sent, and runs a lane for each of them."""

import asyncio
import logging
from time import monotonic

from processor.bridges.webhooks.endpoint import Endpoint
from processor.bridges.webhooks.lane import Counts, Lane, Tools
from processor.journal.interface import JournalUnavailable

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often the tables are looked at: for what others have queued, and for endpoints that have changed."""

_SOON_SECONDS = 0.02
_RETRY_SECONDS = 1.0


class Deliverer:
    """Sends for ever. Any number of copies may run: an event is claimed by one of them at a time."""

    def __init__(self, tools: Tools) -> None:
        self.counts = Counts()
        self._tools = tools
        self._lanes: dict[int, Lane] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._is_more = asyncio.Event()
        self._looks_often_until = 0.0

    def wake(self) -> None:
        """Look at the tables again and again for a moment: something is being queued."""
        self._looks_often_until = monotonic() + LOOK_SECONDS
        self._is_more.set()

    async def run(self) -> None:
        """Send until cancelled; then wait for what is under way."""
        writing = asyncio.create_task(self._tools.notes.run())
        try:
            while True:
                try:
                    await self._look()
                    await self._wait()
                except JournalUnavailable as error:
                    logger.warning("webhooks wait for the database: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            await self._end(writing)

    async def _look(self) -> None:
        endpoints = {endpoint.number: endpoint for endpoint in await self._tools.endpoints.enabled()}
        for number in self._lanes.keys() - endpoints.keys():
            self._lanes.pop(number).stop()
        for number, endpoint in endpoints.items():
            self._lane(number, endpoint)
        idle = [number for number in endpoints if number not in self._running and not self._lanes[number].is_resting]
        for number in await self._tools.deliveries.due(idle) if idle else ():
            task = self._running[number] = asyncio.create_task(self._lanes[number].run())
            task.add_done_callback(lambda ended, number=number: self._ended(number, ended))  # type: ignore[misc]

    def _lane(self, number: int, endpoint: Endpoint) -> None:
        if number in self._lanes:
            self._lanes[number].endpoint = endpoint
        else:
            self._lanes[number] = Lane(endpoint, self._tools, self.counts)

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        del self._running[number]
        if number in self._lanes and self._lanes[number].is_over:
            del self._lanes[number]  # Should the endpoint be enabled still, or again, it gets another one.
        if task.cancelled() or task.exception() is None:
            return
        if isinstance(task.exception(), JournalUnavailable):
            logger.warning("webhooks wait for the database: %s", task.exception())
        else:
            logger.error("a webhook's lane has failed", exc_info=task.exception())

    async def _wait(self) -> None:
        if monotonic() < self._looks_often_until:
            await asyncio.sleep(_SOON_SECONDS)
            return
        self._is_more.clear()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._is_more.wait()
            await asyncio.sleep(_SOON_SECONDS)  # It is being queued, but not committed yet.
        except TimeoutError:
            pass

    async def _end(self, writing: asyncio.Task[None]) -> None:
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        try:
            async with asyncio.timeout(_RETRY_SECONDS):
                await self._tools.notes.written()
        except TimeoutError:
            logger.warning("webhooks: some attempts were not written down; their events are sent again")
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
