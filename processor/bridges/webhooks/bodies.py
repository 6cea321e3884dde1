"""The messages' bodies, made from the journal: those of new events are kept for the moment in which they are sent."""

from collections.abc import Collection, Iterator, Sequence

from processor.bridges.webhooks.message import TEST_SEQUENCE, message_body, test_body
from processor.core.ids import Place
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.interface import Journal
from processor.journal.record import Record

KEPT_BYTES_MAX = 32 * 1024 * 1024
# Records so close together are read in one go, with those between that nobody has asked for.
_GAP_MAX = 8
_RECORDS_MAX = 64


class Bodies:
    """Bodies by the places of their events."""

    def __init__(self, journal: Journal, translator: Translator, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._journal = journal
        self._translator = translator
        self._kept: dict[Place, bytes] = {}
        self._kept_bytes = 0
        self._kept_bytes_max = kept_bytes_max

    def keep(self, events: Sequence[PublishedEvent]) -> None:
        """Remember the bodies of events that are about to be sent; the oldest are forgotten for them."""
        for event in events:
            place = place_of(event)
            if place not in self._kept:
                body = self._kept[place] = message_body(encode_event(event))
                self._kept_bytes += len(body)
        while self._kept_bytes > self._kept_bytes_max:
            oldest = next(iter(self._kept))
            self._kept_bytes -= len(self._kept.pop(oldest))

    async def read(self, places: Collection[Place]) -> dict[Place, bytes]:
        """Return the bodies; one whose event the journal does not have is missing. Raises JournalUnavailable, JournalCorrupt."""
        bodies = {place: self._kept[place] for place in places if place in self._kept}
        missing = [place for place in places if place not in bodies]
        for place in missing:
            if place.sequence == TEST_SEQUENCE:
                bodies[place] = test_body(place)
        wanted = set(missing)
        for shard, first, last in _stretches(missing):
            records = [record async for record in self._journal.read(shard, first - 1, last)]
            for event in await self._translator.translate(_asked_for(records, wanted)):
                if place_of(event) in wanted:
                    bodies[place_of(event)] = message_body(encode_event(event))
        return bodies


def place_of(event: PublishedEvent) -> Place:
    """Return the event's place."""
    return Place(event.at, event.shard, event.sequence, event.index)


def _asked_for(records: Sequence[Record], wanted: Collection[Place]) -> list[Record]:
    sequences = {place.sequence for place in wanted}
    return [record for record in records if record.sequence in sequences]


def _stretches(places: Collection[Place]) -> Iterator[tuple[int, int, int]]:
    """Yield (shard, first sequence, last sequence) of stretches of the journal that hold all places and little else."""
    of_shards: dict[int, set[int]] = {}
    for place in places:
        if place.sequence != TEST_SEQUENCE:
            of_shards.setdefault(place.shard, set()).add(place.sequence)
    for shard, sequences in of_shards.items():
        first, *others = sorted(sequences)
        last = first
        for sequence in others:
            if sequence - last > _GAP_MAX or sequence - first >= _RECORDS_MAX:
                yield shard, first, last
                first = sequence
            last = sequence
        yield shard, first, last
