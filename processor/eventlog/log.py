"""The event log: published events read from the journal, from any position on."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec

from processor.core.events import decode_events
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import PublishedEvent
from processor.eventlog.filters import EventFilter
from processor.eventlog.positions import BadCursor, Place, Positions
from processor.eventlog.translator import Translator
from processor.eventlog.turns import Turns
from processor.journal.interface import Journal
from processor.journal.record import Record

SLICE_BYTES = 128 * 1024
"""Records that are read and translated at a time: a few milliseconds of work."""

SCAN_BYTES_MAX = 8 * 1024 * 1024
"""Records that are looked at for one page, if its filter lets nothing through."""

SCAN_BYTES = 1024 * 1024
"""Records that are looked at for one page that has something already."""

_EVENT_BYTES = 512
"""Records of so many bytes are read for each event of a page."""

PAGE_BYTES_MAX = 1024 * 1024
"""A page ends when it has grown to this size; it has at least one event if there is any."""

QUESTIONS_AT_ONCE = 8

RESUME_MICROSECONDS = 60_000_000
"""Who goes on behind one event's name gets other shards' events from this long before it on."""


class Slice(msgspec.Struct):
    """Records in the order of their times, each with those of its events that are wanted and lie behind the position."""

    records: list[tuple[Record, list[PublishedEvent]]]

    @property
    def record_bytes(self) -> int:
        """How much was read."""
        return sum(len(record.payload) for record, _ in self.records)


class Page(msgspec.Struct, frozen=True):
    """Some events as CloudEvents, and the position behind them. `has_more`: the end has not been reached."""

    events: list[bytes]
    positions: Positions
    has_more: bool


class EventLog:
    """Reads a journal. Of one shard, events come in their order; those of several shards roughly in the order of time."""

    def __init__(self, journal: Journal, shards: int) -> None:
        """`shards`: how many the journal has."""
        self.journal = journal
        self.shards = shards
        self.translator = Translator(journal)
        self._turns = Turns()

    async def page(self, after: Positions, wanted: EventFilter, limit: int) -> Page:
        """Return the next events behind the position, at most `limit`.

        It may be short, or empty, although there is more: so much of the journal is looked at in one go and no more. Raises BadCursor
        if the position lies behind the journal's end, JournalUnavailable, JournalCorrupt.
        """
        positions, events, scanned, size = after.copy(), list[bytes](), 0, 0
        # What is not filtered fills a page soon: then there is no use in translating more.
        limit_bytes = min(SLICE_BYTES, limit * _EVENT_BYTES) if wanted == EventFilter() else SLICE_BYTES
        while True:
            part = await self.read_on(positions, wanted, limit_bytes)
            if not part.records:
                if not scanned:
                    await self.check(positions, wanted)
                return Page(events, positions, False)
            for record, published in part.records:
                for event in published:
                    if len(events) == limit or size >= PAGE_BYTES_MAX:
                        positions.pass_until(record.shard, record.sequence, event.index)
                        return Page(events, positions, True)
                    events.append(encode_event(event))
                    size += len(events[-1])
                positions.pass_record(record.shard, record.sequence)
            scanned += part.record_bytes
            if scanned >= (SCAN_BYTES if events else SCAN_BYTES_MAX) or len(events) == limit:
                return Page(events, positions, True)

    async def read_on(self, positions: Positions, wanted: EventFilter, limit_bytes: int) -> Slice:
        """Return what comes next, of so many bytes of records; empty at the end. The position is not moved.

        Raises JournalUnavailable, JournalCorrupt.
        """
        async with self._turns:
            records = await self.journal.tail(_shards_of(positions, wanted), limit_bytes)
            looked_at = [record for record in records if wanted.may_hold(record)]
            by_record: dict[tuple[int, int], list[PublishedEvent]] = defaultdict(list)
            for event in await self.translator.translate(looked_at, wanted.types) if looked_at else []:
                if wanted.wants(event) and positions.is_behind(event.shard, event.sequence, event.index):
                    by_record[event.shard, event.sequence].append(event)
        return Slice([(record, by_record.get((record.shard, record.sequence), [])) for record in records])

    async def check(self, positions: Positions, wanted: EventFilter) -> None:
        """Raise BadCursor if the journal does not reach as far as the position. Raises JournalUnavailable."""
        asked = _shards_of(positions, wanted)
        newest = await self._each(asked, self._newest)
        if any(newest[shard] < sequence for shard, sequence in asked.items()):
            raise BadCursor(
                "it lies beyond the journal's end, as if the ledger were another or had been put back to an older state"
            )

    async def latest(self) -> Positions:
        """Return the position behind all events. Raises JournalUnavailable."""
        return Positions((await self._each(range(self.shards), self._newest)).values())

    async def behind(self, place: Place) -> Positions:
        """Return the position right behind this event on its shard.

        On other shards it lies where a minute before the event began: they may give events again, but skip none, as long as the
        hosts' clocks do not differ by more. Raises BadCursor, JournalUnavailable, JournalCorrupt.
        """
        shard, sequence, index = place
        record = await self.journal.record(shard, sequence) if shard < self.shards else None
        if record is None or index >= len(decode_events(record.payload)):
            raise BadCursor("there is no such event")
        since = record.at - RESUME_MICROSECONDS
        positions = Positions((await self._each(range(self.shards), lambda other: self._before(other, since))).values())
        positions.pass_until(shard, sequence, index + 1)
        return positions

    async def _each(self, shards: Iterable[int], ask: Callable[[int], Awaitable[int]]) -> dict[int, int]:
        """Return the answer for each shard; of a ledger with very many, only some are asked at a time."""
        at_once = asyncio.Semaphore(QUESTIONS_AT_ONCE)

        async def asked(shard: int) -> tuple[int, int]:
            async with at_once:
                return shard, await ask(shard)

        return dict(await asyncio.gather(*[asked(shard) for shard in shards]))

    async def _newest(self, shard: int) -> int:
        return (await self.journal.head(shard)).sequence

    async def _before(self, shard: int, at: int) -> int:
        """Return the shard's last record from before this time; 0 if there is none. Times never go back within a shard."""
        low, high, step = 0, await self._newest(shard), 1
        while low < high:
            # From the end in growing steps until it is found between two of them, then by halves: mostly it lies near the end.
            middle = max(low + 1, high - step + 1) if step else (low + high + 1) // 2
            record = await self.journal.record(shard, middle)
            if record is not None and record.at < at:
                low, step = middle, 0
            else:
                high, step = middle - 1, 2 * step
        return low


def _shards_of(positions: Positions, wanted: EventFilter) -> Mapping[int, int]:
    if wanted.shard is not None:
        return {wanted.shard: positions.whole[wanted.shard]}
    return dict(enumerate(positions.whole))
