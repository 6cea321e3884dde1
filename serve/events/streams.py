"""All streams of events that one process serves."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from processor.eventlog.filters import EventFilter
from processor.eventlog.log import EventLog
from processor.eventlog.positions import Positions
from serve.events.hub import Hub, OpenSource, journal_source
from serve.events.stream import EventStream

STREAMS_MAX = 200


class TooManyStreams(Exception):
    """This process serves as many streams as it may."""


class EventStreams:
    """Opens streams, as many as may be, and ends them. `count` are open."""

    def __init__(self, source_of: Callable[[EventLog], OpenSource] = journal_source) -> None:
        """`source_of`: where live events come from."""
        self._source_of = source_of
        self._hub: Hub | None = None
        self._ending: asyncio.Future[None] | None = None
        self.count = 0

    def open(
        self,
        log: EventLog,
        after: Positions,
        wanted: EventFilter,
        until_gone: Coroutine[Any, Any, None],
        closed: Callable[[], None],
    ) -> EventStream:
        """Return a stream, which must be closed. `closed` is called then. Raises TooManyStreams."""
        if self.count >= STREAMS_MAX:
            until_gone.close()
            raise TooManyStreams
        if self._hub is None:
            self._hub = Hub(log, self._source_of(log))
        self.count += 1

        def left() -> None:
            self.count -= 1
            closed()

        return EventStream(log, self._hub, after, wanted, until_gone, self._end(), left)

    def end(self) -> None:
        """End all streams, also those that begin later: their clients go on elsewhere."""
        if not self._end().done():
            self._end().set_result(None)

    def _end(self) -> asyncio.Future[None]:
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_future()
        return self._ending
