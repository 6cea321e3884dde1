"""From the journal's records to published events."""

from collections.abc import Sequence

from processor.core.events import decode_events
from processor.eventlog.event import PublishedEvent
from processor.eventlog.origins import Key, Origins, needed_by
from processor.eventlog.telling import REFERRED, REFERRING, Telling
from processor.journal.interface import Journal
from processor.journal.record import Record


class Translator:
    """Translates records of any shards, in any order: an event needs nothing but its record and, at times, an older one."""

    def __init__(self, journal: Journal) -> None:
        """Older records, such as that of the payment which is captured, are read from the journal when they are needed."""
        self._origins = Origins(journal)

    async def translate(self, records: Sequence[Record]) -> list[PublishedEvent]:
        """Return the events that the records publish, in their order. Raises JournalUnavailable, JournalCorrupt.

        The same record always gives the same events, whatever was translated before.
        """
        batch = [(record, decode_events(record.payload)) for record in records]
        needed: set[Key] = set()
        for record, events in batch:
            for index, event in enumerate(events):
                if type(event) in REFERRING:
                    needed.update(needed_by(record.shard, event))
                elif type(event) in REFERRED:
                    self._origins.keep((record.shard, record.sequence, index), event)  # type: ignore[arg-type]
        origins = await self._origins.find(needed, batch) if needed else {}
        published: list[PublishedEvent] = []
        for record, events in batch:
            Telling(record, origins, published).tell(events)
        return published
