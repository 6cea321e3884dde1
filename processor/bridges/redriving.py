"""Trying dead letters again: each event is read from the journal by its name, and published alone."""

from processor.bridges.carrying import Carrying, saves_of
from processor.bridges.cursors import Cursors, Place, Replaced
from processor.bridges.isolation import failure
from processor.bridges.sink import Published, SinkUnavailable
from processor.bridges.work import Term
from processor.eventlog.event import PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.interface import Journal, JournalUnavailable

AT_ONCE = 100
"""How many are tried before the bridge goes on with new events; the others follow a second later."""


class Redriving:
    """The dead letters of one bridge, for one term."""

    def __init__(self, carrying: Carrying, cursors: Cursors, journal: Journal, translator: Translator, term: Term) -> None:
        self._carrying = carrying
        self._cursors = cursors
        self._journal = journal
        self._translator = translator
        self._term = term

    async def round(self) -> None:
        """Try some of those that are to be tried again. Raises Replaced, JournalUnavailable, JournalCorrupt."""
        for place in await self._cursors.to_redrive(AT_ONCE):
            event = await self._find(place)
            if event is None:
                await self._cursors.refuse(place, "the journal has no such event")
                continue
            try:
                await self._try(event)
            except SinkUnavailable as error:
                await self._carrying.recover(str(error))
                return  # What is left stays as it is, to be tried again.

    async def _find(self, place: Place) -> PublishedEvent | None:
        shard, sequence, index = place
        record = await self._journal.record(shard, sequence)
        events = await self._translator.translate([record]) if record is not None else []
        return next((event for event in events if event.index == index), None)

    async def _try(self, event: PublishedEvent) -> None:
        try:
            part = await self._carrying.publish([event], late=True)
            await self._cursors.settle(event, part.rejections, saves_of([part]))
        except (SinkUnavailable, JournalUnavailable, Replaced):
            raise
        except Exception as error:
            part = Published([failure(event, error)])
            await self._cursors.settle(event, part.rejections)
        await self._carrying.finish([part])
        if not part.rejections:
            self._term.count(published=1)
        self._carrying.works()
