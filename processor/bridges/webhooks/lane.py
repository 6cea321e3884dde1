"""Sends one endpoint its events. Each endpoint has a lane of its own, so that none waits for another's receiver."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

import msgspec

from processor.bridges.webhooks.bodies import Bodies
from processor.bridges.webhooks.delivery_table import Claimed, DeliveryStatus, DeliveryTable, LogEntry, Noted
from processor.bridges.webhooks.endpoint import Endpoint
from processor.bridges.webhooks.endpoint_table import EndpointTable
from processor.bridges.webhooks.message import message_id
from processor.bridges.webhooks.notes import Notes
from processor.bridges.webhooks.pace import Pace
from processor.bridges.webhooks.schedule import retry_seconds
from processor.bridges.webhooks.sender import Attempt, Sender
from processor.journal.interface import JournalUnavailable

logger = logging.getLogger(__name__)

GONE_REASON = "the receiver answered 410 Gone"
_LOST = "the journal has no such event"
# What was claimed is sent within this, or given back; others may have it when it is over and the last attempt has had its time.
_CLAIM_SECONDS = 30.0
_MARGIN_SECONDS = 10.0
_encode = msgspec.json.Encoder().encode


class Tools(msgspec.Struct, frozen=True):
    """What all lanes share. `chance` gives random numbers from 0 to 1."""

    endpoints: EndpointTable
    deliveries: DeliveryTable
    bodies: Bodies
    sender: Sender
    notes: Notes
    chance: Callable[[], float]
    timeout_seconds: float


class Counts(msgspec.Struct):
    """What was done since it was asked last. `attempts` are those that were not taken; `failed` the events given up."""

    delivered: int = 0
    attempts: int = 0
    failed: int = 0


class Lane:
    """One endpoint's events under way. `endpoint` is replaced when it changes."""

    def __init__(self, endpoint: Endpoint, tools: Tools, counts: Counts) -> None:
        self.endpoint = endpoint
        self._tools = tools
        self._counts = counts
        self._pace = Pace()
        self._rests_until = 0.0
        self._is_over = False
        self._claimed_until = 0.0
        self._ready: deque[tuple[Claimed, bytes | None]] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        self._has_room = asyncio.Event()

    def stop(self) -> None:
        """Start nothing more: the endpoint is not to be sent to."""
        self._is_over = True
        self._has_room.set()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is sent by this lane."""
        return self._is_over

    @property
    def is_resting(self) -> bool:
        """Whether the receiver is let alone at the moment."""
        return monotonic() < self._rests_until

    async def run(self) -> None:
        """Send what is due, until nothing is or the receiver needs a rest. Raises JournalUnavailable, JournalCorrupt."""
        try:
            while not self._stops() and await self._claim():
                while self._ready and not self._stops() and monotonic() < self._claimed_until:
                    if len(self._sending) < self._pace.window:
                        self._start(*self._ready.popleft())
                    else:
                        self._has_room.clear()
                        await self._has_room.wait()
                await self._give_back()
        finally:
            # Also when this is cancelled: what is under way comes to its end, and the rest is free at once.
            if self._sending:
                await asyncio.wait(self._sending)
            with suppress(JournalUnavailable):
                await self._give_back()

    def _stops(self) -> bool:
        return self._is_over or self.is_resting

    async def _claim(self) -> bool:
        """Take what is due next; return whether there was anything."""
        tools = self._tools
        lease_seconds = _CLAIM_SECONDS + tools.timeout_seconds + _MARGIN_SECONDS
        self._claimed_until = monotonic() + _CLAIM_SECONDS
        claimed = await tools.deliveries.claim(self.endpoint.number, self._pace.claim_limit, lease_seconds)
        bodies = await tools.bodies.read([one.place for one in claimed])
        self._ready.extend((one, bodies.get(one.place)) for one in claimed)
        return bool(claimed)

    async def _give_back(self) -> None:
        if self._ready:
            left = [claimed for claimed, _ in self._ready]
            self._ready.clear()
            await self._tools.deliveries.release(self.endpoint.number, left)

    def _start(self, claimed: Claimed, body: bytes | None) -> None:
        if body is None:
            self._note(claimed, Attempt(0.0, 0, None, _LOST), None)
            logger.error("webhook %s: %s: %s", self.endpoint.id, _LOST, claimed.place)
            return
        task = asyncio.create_task(self._send(claimed, body))
        self._sending.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._has_room.set()
        if not task.cancelled() and task.exception() is not None:
            logger.error("webhook %s: an event was not sent", self.endpoint.id, exc_info=task.exception())

    async def _send(self, claimed: Claimed, body: bytes) -> None:
        endpoint, tools = self.endpoint, self._tools
        identity = message_id(endpoint.id, claimed.place)
        attempt = await tools.sender.send(endpoint.url, endpoint.secrets, identity, body)
        rest = self._pace.note(attempt.milliseconds / 1000, attempt.receiver_is_well, attempt.retry_after_seconds)
        if rest:
            self._rests_until = max(self._rests_until, monotonic() + rest)
        pause = None
        if not attempt.is_gone:
            pause = retry_seconds(claimed.attempts + 1, tools.chance(), attempt.retry_after_seconds)
        self._note(claimed, attempt, pause)
        if attempt.is_gone and not self._is_over:
            self._is_over = True
            logger.warning("webhook %s is disabled: %s", endpoint.id, GONE_REASON)
            await tools.endpoints.disable(endpoint.number, GONE_REASON)

    def _note(self, claimed: Claimed, attempt: Attempt, pause_seconds: float | None) -> None:
        entry = LogEntry(int(attempt.at_seconds * 1e6), attempt.milliseconds, attempt.status, attempt.error)
        if attempt.is_taken:
            self._counts.delivered += 1
            status: DeliveryStatus = "delivered"
        else:
            self._counts.attempts += 1
            self._counts.failed += pause_seconds is None
            status = "pending" if pause_seconds is not None else "failed"
        self._tools.notes.add(Noted(self.endpoint.number, claimed, status, pause_seconds or 0.0, _encode(entry).decode()))
