"""The older events that an event refers to: what a payment was made as, and which refund is decided.

Most of them have just passed by in the stream, or stand in the same batch. The rest is read from the journal.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from processor.core import events as e
from processor.creation import Created, created_by
from processor.journal.interface import Journal, JournalCorrupt
from processor.journal.record import Record

KEPT = 10_000
"""How many are kept in memory."""

METADATA_CHARACTERS_KEPT = 2_000
"""What has more metadata than this is not kept but read again, so that memory is bounded in bytes too."""

READS_AT_ONCE = 16

Key = tuple[int, int, int]
"""(shard, sequence, index)"""

Origin = Created | e.RefundReserved
Decoded = tuple[Record, Sequence[e.AnyEvent]]


def needed_by(shard: int, event: e.AnyEvent) -> tuple[Key, ...]:
    """Return the places of the older events without which this one, of a record of `shard`, cannot be told."""
    match event:
        case e.Decided(about=None):
            return ((shard, event.sequence, event.index),)
        case e.Decided():
            assert event.about is not None
            return (shard, *event.about[1:]), (shard, event.sequence, event.index)
        case e.Captured() | e.Released() | e.Refunded() | e.RefundReserved():
            return ((shard, event.sequence, event.index),)
        case e.HeldIn(balances=None):  # Written before balances were recorded: only the payment knows the currencies.
            return ((event.home, event.home_sequence, event.home_index),)
        case e.Settled(balances=None):
            return ((event.home, event.sequence, event.index),)
    return ()


class Origins:
    """Remembers some, finds all."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._kept: OrderedDict[Key, Origin] = OrderedDict()
        self._reads = asyncio.Semaphore(READS_AT_ONCE)

    async def find(self, needed: Iterable[Key], batch: Sequence[Decoded]) -> dict[Key, Origin]:
        """Return what stands at these places. Raises JournalCorrupt, JournalUnavailable."""
        found: dict[Key, Origin] = {}
        missing: dict[tuple[int, int], list[Key]] = {}
        here = {(record.shard, record.sequence): events for record, events in batch}
        for key in needed:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                found[key] = kept
            elif key[:2] in here:
                found[key] = self._take(key, _at(here[key[:2]], key[2]))
            else:
                missing.setdefault(key[:2], []).append(key)
        if missing:
            await asyncio.gather(*[self._read(shard, sequence, keys, found) for (shard, sequence), keys in missing.items()])
        return found

    def keep(self, key: Key, event: e.Held | e.Reserved | e.RefundReserved) -> None:
        """Remember an event of the stream to which later ones will refer."""
        self._take(key, event)

    async def _read(self, shard: int, sequence: int, keys: Sequence[Key], found: dict[Key, Origin]) -> None:
        async with self._reads:
            record = await self._journal.record(shard, sequence)
        events = e.decode_events(record.payload) if record is not None else []
        for key in keys:
            found[key] = self._take(key, _at(events, key[2]))

    def _take(self, key: Key, event: e.AnyEvent | None) -> Origin:
        origin = event if isinstance(event, e.RefundReserved) else created_by(event)
        if origin is None:
            shard, sequence, index = key
            raise JournalCorrupt(f"shard {shard}: record {sequence} has no payment or refund at {index}, as another record says")
        if not isinstance(origin, Created) or _characters(origin) <= METADATA_CHARACTERS_KEPT:
            self._kept[key] = origin
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return origin


def _at(events: Sequence[e.AnyEvent], index: int) -> e.AnyEvent | None:
    return events[index] if index < len(events) else None


def _characters(created: Created) -> int:
    return sum(len(name) + len(value) for name, value in (created.metadata or {}).items())
