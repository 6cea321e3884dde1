"""Reads the journal as it grows, from a position in each shard, and gives it out as batches of published events."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from time import monotonic

import msgspec

from processor.eventlog.event import PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.chain import Chain
from processor.journal.interface import Journal
from processor.journal.record import Record

POLL_SECONDS = 0.05
"""How long after the last look at a journal without anything new."""

# Who gathers for a minute need not look twenty times a second.
_POLLS_PER_GATHERING = 20
_POLL_SECONDS_MAX = 1.0


class Untranslatable(Exception):
    """A record holds what this version of the program does not know. The message says which one, and what to do."""


class Batch(msgspec.Struct):
    """Events of whole records, in their order. `positions`: the newest record in it, by shard; `at`: the newest record's time."""

    events: list[PublishedEvent] = []
    positions: dict[int, int] = {}
    records: int = 0
    record_bytes: int = 0
    at: int = 0

    def add(self, record: Record, events: list[PublishedEvent]) -> None:
        """Take a record in."""
        self.events += events
        self.positions[record.shard] = record.sequence
        self.records += 1
        self.record_bytes += len(record.payload)
        self.at = max(self.at, record.at)

    def join(self, other: "Batch") -> None:
        """Take a later batch in."""
        self.events += other.events
        self.positions |= other.positions
        self.records += other.records
        self.record_bytes += other.record_bytes
        self.at = max(self.at, other.at)


class EventTail:
    """Follows all shards. `positions`: the newest record read, by shard; `newest_at`: the newest record's time, 0 if there is none."""

    def __init__(
        self, journal: Journal, translator: Translator, after: Mapping[int, int], bytes_max: int, events_max: int
    ) -> None:
        """Begin behind these positions. A batch has at most so many bytes of records and events, or is a single record."""
        self._journal = journal
        self._translator = translator
        self._bytes_max = bytes_max
        self._events_max = events_max
        self._chains = {shard: Chain(shard, sequence) for shard, sequence in after.items()}
        self._read: deque[tuple[Record, list[PublishedEvent]]] = deque()
        self._gathered = Batch()
        self.positions = dict(after)
        self.newest_at = 0

    async def next(self, gather_seconds: float = 0.0) -> Batch:
        """Wait until there is anything, and return it: at once, or when a batch is full, or after this long.

        Nothing is lost if it raises or is cancelled: call it again. Raises JournalUnavailable, JournalCorrupt, Broken,
        Untranslatable.
        """
        deadline = 0.0
        pause = max(POLL_SECONDS, min(gather_seconds / _POLLS_PER_GATHERING, _POLL_SECONDS_MAX))
        while True:
            if not self._gather():
                await self._read_on(self._bytes_max - self._gathered.record_bytes)
            is_full, now = self._gather(), monotonic()
            if self._gathered.records:
                deadline = deadline or now + gather_seconds
                if is_full or now >= deadline:
                    batch, self._gathered = self._gathered, Batch()
                    return batch
            await asyncio.sleep(min(pause, deadline - now) if deadline else pause)

    def _gather(self) -> bool:
        """Put what was read into the batch, as far as there is room; return whether there was too much."""
        while self._read and self._has_room():
            self._gathered.add(*self._read.popleft())
        return bool(self._read)

    def fullness(self, batch: Batch) -> float:
        """Return how much of what a batch may hold is in it: near to 1, there is probably more."""
        return max(batch.record_bytes / self._bytes_max, len(batch.events) / self._events_max, float(bool(self._read)))

    def _has_room(self) -> bool:
        batch, (record, events) = self._gathered, self._read[0]
        return not batch.records or (
            batch.record_bytes + len(record.payload) <= self._bytes_max and len(batch.events) + len(events) <= self._events_max
        )

    async def _read_on(self, limit_bytes: int) -> None:
        records = await self._journal.tail(self.positions, max(1, limit_bytes))
        if not records:
            return
        by_record: dict[tuple[int, int], list[PublishedEvent]] = {(record.shard, record.sequence): [] for record in records}
        for event in await self._translate(records):
            by_record[event.shard, event.sequence].append(event)
        # Nothing has been noted until here: whatever has failed can be asked for again.
        for record in records:
            self._chains[record.shard].follow(record)
            self._read.append((record, by_record[record.shard, record.sequence]))
            self.positions[record.shard] = record.sequence
            self.newest_at = max(self.newest_at, record.at)

    async def _translate(self, records: Sequence[Record]) -> list[PublishedEvent]:
        try:
            return await self._translator.translate(records)
        except msgspec.MsgspecError as error:
            if len(records) > 1:  # Up to the one at fault all is well.
                return [event for record in records for event in await self._translate([record])]
            place = f"shard {records[0].shard}, sequence {records[0].sequence}"
            raise Untranslatable(
                f"{place}: the record holds an event that this version of the program does not know: use the newer version ({error})"
            ) from error
