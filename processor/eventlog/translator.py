"""From the journal's records to published events."""

from collections.abc import Sequence

from processor.core import events as e
from processor.core.events import decode_events
from processor.eventlog.event import PublishedEvent
from processor.eventlog.origins import Key, Origins, needed_by
from processor.eventlog.tellers import TELLERS, tellers_of
from processor.eventlog.telling import Telling
from processor.journal.interface import Journal
from processor.journal.record import Record

_REFERRED = frozenset((e.Held, e.Reserved, e.RefundReserved))
_REFERRING = frozenset((e.Decided, e.Captured, e.Released, e.Refunded, e.RefundReserved, e.HeldIn, e.Settled))


class Translator:
    """Translates records of any shards, in any order: an event needs nothing but its record and, at times, an older one."""

    def __init__(self, journal: Journal) -> None:
        """Older records, such as that of the payment which is captured, are read from the journal when they are needed."""
        self._origins = Origins(journal)

    async def translate(self, records: Sequence[Record], types: frozenset[str] | None = None) -> list[PublishedEvent]:
        """Return the events that the records publish, in their order; with `types` only those, for less work.

        The same record always gives the same events, whatever was translated before. Raises JournalUnavailable, JournalCorrupt.
        """
        tellers = TELLERS if types is None else tellers_of(types)
        batch = [(record, decode_events(record.payload)) for record in records]
        needed: set[Key] = set()
        for record, events in batch:
            for index, event in enumerate(events):
                kind = type(event)
                if kind in _REFERRED:
                    self._origins.keep((record.shard, record.sequence, index), event)  # type: ignore[arg-type]
                if kind in _REFERRING and kind in tellers:
                    needed.update(needed_by(record.shard, event))
        origins = await self._origins.find(needed, batch) if needed else {}
        published: list[PublishedEvent] = []
        for record, events in batch:
            telling = Telling(record, origins, published)
            for index, event in enumerate(events):
                teller = tellers.get(type(event))
                if teller is not None:
                    telling.index = index
                    teller(telling, event)
        return published if types is None else [event for event in published if event.type in types]
