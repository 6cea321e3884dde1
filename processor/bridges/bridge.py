"""A bridge: reads the journal on, hands each batch to its sink, and moves its cursor once the sink has it.

While the sink publishes a batch, the next one is read and translated. The cursor moves after `publish` and never before: whatever
happens between, the events come again, and none is left out.
"""

import asyncio

from processor.bridges.carrying import Carrying
from processor.bridges.cursors import Cursors
from processor.bridges.pace import Backoff, Pace
from processor.bridges.redriving import Redriving
from processor.bridges.sink import Sink, terms_of
from processor.bridges.tail import Batch, EventTail
from processor.bridges.work import Term
from processor.eventlog.translator import Translator
from processor.journal.interface import Journal
from processor.journal.postgres.link import Link

LOOK_SECONDS = 1.0
"""How long to wait for the next batch before looking whether there are dead letters to be tried again."""

EVENTS_TO_COMPARE = 1_000
"""A batch with which nothing works grows to about so many events, if there are: one that works shows that others are at fault."""


class Bridge:
    """Implements Work for a sink."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        journal: Journal,
        translator: Translator,
        link: Link,
        share: float,
        backoff: Backoff | None = None,
    ) -> None:
        """`link` leads to the cursors; `share` is that of one core's time while the bridge is behind the journal."""
        self._name = name
        self._sink = sink
        self._terms = terms_of(sink)
        self._journal = journal
        self._translator = translator
        self._link = link
        self._pace = Pace(share)
        self._backoff = backoff or Backoff()

    @property
    def name(self) -> str:
        """The bridge's name."""
        return self._name

    async def run(self, term: Term) -> None:
        """Carry events until cancelled. Raises Replaced, JournalUnavailable (call it again), JournalCorrupt, Broken."""
        cursors = Cursors(self._link, self._name, term.epoch)
        positions = await cursors.read(await self._beginnings())
        tail = EventTail(self._journal, self._translator, positions, self._terms.batch_bytes_max, self._terms.batch_events_max)
        carrying = Carrying(self._sink, cursors, term, self._backoff)
        redriving = Redriving(carrying, cursors, self._journal, self._translator, term)
        try:
            await carrying.open()
            await self._follow(tail, term, carrying, redriving)
        finally:
            await self._sink.close()

    async def _beginnings(self) -> dict[int, int]:
        shards = range(await self._journal.shard_count())
        if self._terms.starts_at == "beginning":
            return dict.fromkeys(shards, 0)
        return {shard: (await self._journal.head(shard)).sequence for shard in shards}

    async def _follow(self, tail: EventTail, term: Term, carrying: Carrying, redriving: Redriving) -> None:
        def read_ahead() -> asyncio.Task[Batch]:
            return asyncio.create_task(tail.next(self._terms.gather_seconds))

        upcoming = read_ahead()
        try:
            while True:
                await asyncio.wait((upcoming,), timeout=LOOK_SECONDS)
                if term.has_redrives:
                    term.has_redrives = False
                    await redriving.round()
                if not upcoming.done():
                    continue
                batch, upcoming = upcoming.result(), read_ahead()
                fullness = tail.fullness(batch)
                while not await carrying.carry(batch):
                    # Nothing in the batch works. If the next events do not work either, it is not the batch's fault.
                    if upcoming.done() and len(batch.events) < EVENTS_TO_COMPARE:
                        batch.join(upcoming.result())
                        upcoming = read_ahead()
                await asyncio.sleep(self._pace.rest_seconds(fullness, batch.records))
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
