"""Live events as the bridge to Redis tells them, so that not every process has to read and translate the same records.

What Redis has lost, or has not told yet, comes from the journal: as soon as a message shows a gap, and now and then in any case. So a
Redis that is down, or a bridge that does not run, makes streams slower and costs no event.
"""

import asyncio
from collections.abc import Mapping
from time import monotonic

from processor.bridges.tail import Batch
from processor.cache.fan_out import Listening, NewEvents, fits
from processor.eventlog.log import EventLog
from serve.events.hub import JournalSource, OpenSource

QUIET_SECONDS = 1.0
"""So often the journal is asked what is new, whatever Redis tells: of a shard that has fallen silent it may have lost the last word."""

POLL_SECONDS = 0.05
"""The same, while Redis does not answer or has left a gap."""

_LOOK_SECONDS = 0.5
_EVENT_BYTES = 150  # of an event in its record


def redis_source(url: str, log: EventLog) -> OpenSource:
    """Return the source that listens to this Redis."""
    return lambda after: RedisSource(url, log, after)


class RedisSource:
    """Implements Source."""

    def __init__(self, url: str, log: EventLog, after: Mapping[int, int]) -> None:
        """Begin behind these records."""
        self._listening = Listening(url)
        self._log = log
        self._positions = dict(after)
        self._has_no_gap = False  # Until the first message nobody knows.
        self._looked_at = 0.0

    async def next(self) -> Batch:
        """Wait for something new and return it. Raises JournalUnavailable."""
        while True:
            message = await self._listening.next(QUIET_SECONDS if self._has_no_gap and self._listening.is_up else POLL_SECONDS)
            if message is not None:
                self._has_no_gap = fits(message, self._positions)
            is_told = message is not None and self._has_no_gap and monotonic() - self._looked_at < QUIET_SECONDS
            batch = self._batch_of(message) if message is not None and is_told else await self._from_journal()
            if batch is not None and batch.records:
                self._positions |= batch.positions
                return batch

    def close(self) -> None:
        """Stop listening."""
        self._listening.close()

    def _batch_of(self, message: NewEvents) -> Batch:
        """Return what of the message is new here. Its records' sizes are not known; their events' count stands in."""
        batch = Batch()
        for event in message.events:
            if event.sequence > self._positions.get(event.shard, 0):
                batch.events.append(event)
                batch.positions[event.shard] = max(event.sequence, batch.positions.get(event.shard, 0))
                batch.at = max(batch.at, event.at)
        batch.records = len(batch.positions)
        batch.record_bytes = len(batch.events) * _EVENT_BYTES
        return batch

    async def _from_journal(self) -> Batch | None:
        self._looked_at = monotonic()
        source = JournalSource(self._log, self._positions)
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                return await source.next() if await self._has_news() else None
        except TimeoutError:
            return None

    async def _has_news(self) -> bool:
        return bool(await self._log.journal.tail(self._positions, 1))
