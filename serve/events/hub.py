"""What is new in the journal, read and translated once for all streams of this process that are at its end.

It keeps the last batches, so that a stream may be a moment late. Who is later than that reads the journal for himself: a slow client
costs no memory here.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from processor.bridges.tail import Batch, EventTail
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import PublishedEvent
from processor.eventlog.log import EventLog
from processor.journal.interface import JournalUnavailable

KEPT_BYTES_MAX = 4 * 1024 * 1024
"""How many bytes of records the kept batches may have come from; the newest batch is kept in any case."""

KEPT_BATCHES_MAX = 256
BATCH_BYTES_MAX = 64 * 1024
BATCH_EVENTS_MAX = 1_000
_PAUSE_SECONDS = 0.5


class Source(Protocol):
    """Gives what is new, in journal order, beginning right behind the positions that it was opened with."""

    async def next(self) -> Batch:
        """Wait for something new and return it: whole records, each shard's without a gap.

        If it raises JournalUnavailable it is asked again, and goes on as if it had not been asked.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds: nothing more is asked of it."""
        ...


OpenSource = Callable[[Mapping[int, int]], Source]
"""From the newest record of each shard that is known already to what comes behind them."""


def journal_source(log: EventLog) -> OpenSource:
    """Return the source that looks into the journal itself, twenty times a second."""
    return lambda after: JournalSource(log, after)


class JournalSource:
    """Implements Source."""

    def __init__(self, log: EventLog, after: Mapping[int, int]) -> None:
        """Begin behind these records."""
        self._tail = EventTail(log.journal, log.translator, after, BATCH_BYTES_MAX, BATCH_EVENTS_MAX)

    async def next(self) -> Batch:
        """Wait for something new and return it. Raises JournalUnavailable."""
        return await self._tail.next()

    def close(self) -> None:
        """Nothing is held."""


class LiveBatch:
    """A batch with its number; each event's JSON is made when the first stream wants it."""

    __slots__ = ("_bodies", "events", "number", "positions", "record_bytes")

    def __init__(self, number: int, batch: Batch) -> None:
        self.number = number
        self.events: list[PublishedEvent] = batch.events
        self.positions = batch.positions
        self.record_bytes = batch.record_bytes
        self._bodies: list[bytes | None] = [None] * len(batch.events)

    def body(self, place: int) -> bytes:
        """Return the event at this place of `events` as a CloudEvent."""
        body = self._bodies[place]
        if body is None:
            body = self._bodies[place] = encode_event(self.events[place])
        return body


class TooLate(Exception):
    """The next batch is not kept any more: read the journal."""


class Hub:
    """Works while there is anybody who has joined."""

    def __init__(self, log: EventLog, open_source: OpenSource) -> None:
        self._log = log
        self._open_source = open_source
        self._kept: deque[LiveBatch] = deque()
        self._kept_bytes = 0
        self._number = 0
        self._joined = 0
        self._working: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._changed: asyncio.Future[None] | None = None

    async def join(self) -> int:
        """Return a number. Who then finds nothing new in the journal itself misses nothing if he takes all batches behind it.

        Call `leave` once for it. Raises JournalUnavailable.
        """
        async with self._starting:
            if self._working is None or self._working.done():
                source = self._open_source(dict(enumerate((await self._log.latest()).whole)))
                self._forget()
                self._working = asyncio.create_task(self._work(source))
                # Not in the task itself: one that is cancelled before its first step does nothing at all.
                self._working.add_done_callback(lambda _: source.close())
            self._joined += 1
            return self._number

    def leave(self) -> None:
        """Say that nobody waits here for the one who joined any more."""
        self._joined -= 1
        if not self._joined and self._working is not None:
            self._working.cancel()
            self._working = None
            self._forget()

    def after(self, number: int) -> LiveBatch | None:
        """Return the batch behind this number, or None if there is none yet. Raises TooLate; or what the source has ended with."""
        if number < self._number:
            place = number + 1 - (self._number + 1 - len(self._kept))
            if place < 0:
                raise TooLate
            return self._kept[place]
        if self._working is not None and self._working.done():
            self._working.result()
        return None

    def changed(self) -> asyncio.Future[None]:
        """Return what is done when there is another batch, or none will come. Ask for it before `after`."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        return self._changed

    async def _work(self, source: Source) -> None:
        try:
            while True:
                try:
                    self._keep(await source.next())
                except JournalUnavailable:
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._tell()

    def _keep(self, batch: Batch) -> None:
        self._number += 1
        self._kept.append(LiveBatch(self._number, batch))
        self._kept_bytes += batch.record_bytes
        while len(self._kept) > 1 and (self._kept_bytes > KEPT_BYTES_MAX or len(self._kept) > KEPT_BATCHES_MAX):
            self._kept_bytes -= self._kept.popleft().record_bytes
        self._tell()

    def _forget(self) -> None:
        """Drop all batches. A number is left out, so that for whoever still waits for one of them it is too late."""
        self._number += 1
        self._kept.clear()
        self._kept_bytes = 0

    def _tell(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None and not changed.done():
            changed.set_result(None)
