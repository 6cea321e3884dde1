"""What a target should hold: the events that the journal publishes, up to where a bridge's cursor is."""

from collections.abc import AsyncIterator

from processor.eventlog.event import PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.interface import Journal
from processor.journal.record import Record

_RECORDS_AT_ONCE = 200


async def expected_events(journal: Journal, shard: int, until: int) -> AsyncIterator[PublishedEvent]:
    """Yield the events of a shard's records up to `until`, in order. Raises JournalUnavailable, JournalCorrupt."""
    translator = Translator(journal)
    records: list[Record] = []
    async for record in journal.read(shard, 0, until):
        records.append(record)
        if len(records) == _RECORDS_AT_ONCE:
            for event in await translator.translate(records):
                yield event
            records = []
    for event in await translator.translate(records):
        yield event
