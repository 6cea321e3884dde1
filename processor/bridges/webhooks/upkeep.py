"""Keeps the table of deliveries within bounds, and knows how much is waiting."""

from time import monotonic

from processor.bridges.webhooks.delivery_table import DeliveryTable, LogEntry
from processor.bridges.webhooks.endpoint_table import EndpointTable
from processor.bridges.webhooks.lane import Counts
from processor.bridges.webhooks.redelivery_table import RedeliveryTable
from processor.bridges.webhooks.schedule import RETRY_SECONDS
from processor.clock import now_microseconds
from processor.journal.postgres.link import Link

KEPT_SECONDS = 7 * 24 * 3600.0
"""How long what was delivered or has failed stays in the log; and what waits for an endpoint that is disabled."""

GIVEN_UP_SECONDS = sum(RETRY_SECONDS) * 1.25
"""After this long an event has failed, also if its receiver was let alone so much that not all attempts were made."""

WAITING_MAX = 1_000_000
"""With more of them waiting, an endpoint is disabled. The journal has its events; they can be asked for again."""

FULL_REASON = f"more than {WAITING_MAX:,} events were waiting: enable it and ask for redelivery since this time"
LATE = "it was not taken in time"
STEP_ROWS = 5_000
_STEP_SECONDS = 10.0
# Looking takes longer when more is waiting; it may take this part of the time.
_LOOK_SHARE = 0.1


class Upkeep:
    """Works a little at each `step`."""

    def __init__(self, link: Link, counts: Counts) -> None:
        self._endpoints = EndpointTable(link)
        self._deliveries = DeliveryTable(link)
        self._redeliveries = RedeliveryTable(link)
        self._counts = counts
        self._next_look = 0.0
        self._next_removal = 0.0

    async def step(self) -> None:
        """Do what is due. Raises JournalUnavailable."""
        began = monotonic()
        if began >= self._next_look:
            await self._look()
            took = monotonic() - began
            self._next_look = monotonic() + max(1.0, took / _LOOK_SHARE)
        if monotonic() >= self._next_removal:
            removed = await self._deliveries.forget(KEPT_SECONDS, now_microseconds() - int(KEPT_SECONDS * 1e6), STEP_ROWS)
            self._next_removal = monotonic() + (1.0 if removed >= STEP_ROWS else _STEP_SECONDS)
            await self._redeliveries.end(None)
            await self._deliveries.forget_endpoints()

    async def _look(self) -> None:
        waiting_for = await self._deliveries.waiting()
        await self._endpoints.note_waiting(waiting_for)
        for waiting in waiting_for:
            if waiting.count > WAITING_MAX:
                await self._endpoints.disable(waiting.endpoint, FULL_REASON)
        if any(waiting.oldest_seconds > GIVEN_UP_SECONDS for waiting in waiting_for):
            entry = LogEntry(at=now_microseconds(), milliseconds=0, error=LATE)
            self._counts.failed += await self._deliveries.give_up(GIVEN_UP_SECONDS, STEP_ROWS, entry)
