"""From the journal's records to published events."""

from collections.abc import Sequence

from processor.eventlog.event import PublishedEvent
from processor.journal.interface import Journal
from processor.journal.record import Record


class Translator:
    """Translates records of any shards, in any order: an event needs nothing but its record and, at times, an older one."""

    def __init__(self, journal: Journal) -> None:
        """Older records, such as that of the payment which is captured, are read from the journal when they are needed."""
        self._journal = journal

    async def translate(self, records: Sequence[Record]) -> list[PublishedEvent]:
        """Return the events that the records publish, in their order. Raises JournalUnavailable, JournalCorrupt."""
        raise NotImplementedError
