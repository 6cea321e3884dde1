"""One client's stream of events, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Each event's `id` is the cursor behind it, so that whoever comes back with `Last-Event-ID` gets each event once. What the client has
not taken yet is not gathered here: a stream that is behind reads the journal from its own position, at the client's pace.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from itertools import chain
from time import monotonic
from typing import Any

from processor.core.ensure import Broken
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import PublishedEvent
from processor.eventlog.filters import EventFilter
from processor.eventlog.log import EventLog, Slice
from processor.eventlog.positions import Positions
from processor.journal.interface import JournalCorrupt, JournalUnavailable
from serve.events.hub import Hub, LiveBatch, TooLate

HEARTBEAT_SECONDS = 5.0
"""How long a stream is silent at most."""

RETRY_MILLISECONDS = 1_000
"""After this long a client whose stream has ended comes back."""

CHUNK_BYTES = 32 * 1024
SLICE_BYTES = 32 * 1024
"""Records that a stream which is behind reads at a time: their events are all that waits for the client here."""

_PAUSE_SECONDS = 0.5

_logger = logging.getLogger(__name__)


class EventStream:
    """Gives the stream's bytes, and ends when the client has gone or `ending` is done. `aclose` must be called in any case."""

    def __init__(
        self,
        log: EventLog,
        hub: Hub,
        after: Positions,
        wanted: EventFilter,
        until_gone: Coroutine[Any, Any, None],
        ending: asyncio.Future[None],
        closed: Callable[[], None],
    ) -> None:
        """`until_gone` ends when the client has gone; `closed` is called once, when all is over."""
        self._log = log
        self._hub = hub
        self._positions = after
        self._wanted = wanted
        self._gone = asyncio.create_task(until_gone)
        self._ending = ending
        self._closed: Callable[[], None] | None = closed
        self._joined: int | None = None
        self._is_live = False
        # Made one by one, as the client takes them; taking them moves the position.
        self._frames: Iterator[bytes] = iter([b"retry: %d\n" % RETRY_MILLISECONDS + self._heartbeat()])
        self._spoke_at = monotonic()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not (chunk := self._next_chunk()):
            if self._gone.done() or self._ending.done():
                raise StopAsyncIteration
            try:
                await (self._follow() if self._is_live else self._catch_up())
            except TooLate:
                self._leave()
            except JournalUnavailable:
                await self._wait(_PAUSE_SECONDS)
            except (JournalCorrupt, Broken) as error:
                _logger.error("a stream of events ends: %s", error)
                raise StopAsyncIteration from error
            if monotonic() - self._spoke_at >= HEARTBEAT_SECONDS:
                self._frames = chain(self._frames, [self._heartbeat()])
        await asyncio.sleep(0)  # What was sent before leaves, so that sending waits where the client does not take it.
        self._spoke_at = monotonic()
        return chunk

    def _next_chunk(self) -> bytes:
        pieces, size = list[bytes](), 0
        for frame in self._frames:
            pieces.append(frame)
            size += len(frame)
            if size >= CHUNK_BYTES:
                break
        return b"".join(pieces)

    async def aclose(self) -> None:
        """Leave everything."""
        self._leave()
        self._gone.cancel()
        closed, self._closed = self._closed, None
        if closed is not None:
            closed()

    async def _catch_up(self) -> None:
        """Read on in the journal. At its end join the hub, and if there is nothing new after that go on with what it gives."""
        part = await self._log.read_on(self._positions, self._wanted, SLICE_BYTES)
        if part.records:
            self._frames = self._of_slice(part)
        elif self._joined is None:
            self._joined = await self._hub.join()
        else:
            self._is_live = True

    async def _follow(self) -> None:
        """Take the hub's next batch, or wait for it."""
        assert self._joined is not None
        changed = self._hub.changed()
        batch = self._hub.after(self._joined)
        if batch is None:
            await self._wait(self._spoke_at + HEARTBEAT_SECONDS - monotonic(), changed)
            return
        self._joined = batch.number
        self._frames = self._of_batch(batch)

    def _of_slice(self, part: Slice) -> Iterator[bytes]:
        for record, events in part.records:
            for event in events:
                yield self._frame(event, encode_event(event))
            self._positions.pass_record(record.shard, record.sequence)

    def _of_batch(self, batch: LiveBatch) -> Iterator[bytes]:
        """What the journal has already told is left out: the stream may be ahead of the hub when it joins."""
        for place, event in enumerate(batch.events):
            if self._wanted.wants(event) and self._positions.is_behind(event.shard, event.sequence, event.index):
                yield self._frame(event, batch.body(place))
        for shard, sequence in batch.positions.items():
            if sequence > self._positions.whole[shard] and self._wanted.shard in (None, shard):
                self._positions.pass_record(shard, sequence)

    def _frame(self, event: PublishedEvent, body: bytes) -> bytes:
        self._positions.pass_until(event.shard, event.sequence, event.index + 1)
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (self._positions.cursor().encode(), event.type.encode(), body)

    def _heartbeat(self) -> bytes:
        """Return a comment, and the cursor: where a client goes on that gets no event until it loses the connection."""
        return b": \nid: %s\n\n" % self._positions.cursor().encode()

    async def _wait(self, seconds: float, *others: asyncio.Future[None]) -> None:
        await asyncio.wait({self._gone, self._ending, *others}, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)

    def _leave(self) -> None:
        if self._joined is not None:
            self._hub.leave()
        self._joined = None
        self._is_live = False
