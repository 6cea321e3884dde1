"""The memory journal, which also remembers every atomic append in the order in which they happened, over all shards."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from processor.core.events import decode_events
from processor.journal.memory import MemoryJournal
from processor.journal.record import Record


@dataclass(frozen=True)
class Append:
    """One atomic append: when, the order of its events over all shards, and the shards that the writer held."""

    at_seconds: float
    records: tuple[Record, ...]
    order: tuple[tuple[int, int], ...]
    held: frozenset[int]
    archived: dict[int, int]
    """How far the archive had read each shard's journal by then."""


class RecordingJournal(MemoryJournal):
    """`about` says what the writer knew of the append under way; `watchers` are called when hosts or ownership change."""

    def __init__(self, shards: int, lease_seconds: float, clock: Callable[[], float]) -> None:
        super().__init__(shards, lease_seconds, clock)
        self.appends: list[Append] = []
        self.archived: Callable[[], dict[int, int]] = dict
        self.about: tuple[tuple[tuple[int, int], ...], Collection[int]] | None = None
        self.watchers: list[Callable[[], None]] = []

    async def append(self, records: Sequence[Record]) -> None:
        await super().append(records)
        order, held = self.about or (tuple(_in_sequence(records)), ())
        self.appends.append(Append(self._clock(), tuple(records), order, frozenset(held), self.archived()))

    def _changed(self) -> None:
        watchers, self.watchers = self.watchers, []
        for watcher in watchers:
            watcher()


def _in_sequence(records: Sequence[Record]) -> list[tuple[int, int]]:
    return [(record.shard, index) for record in records for index in range(len(decode_events(record.payload)))]
