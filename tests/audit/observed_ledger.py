"""The real Ledger, which also remembers in which order its events came to be over all its shards."""

from processor.core import events as e
from processor.core.ledger import Ledger, Retention
from processor.core.shard import Shard
from processor.core.turn import Turn

Order = list[tuple[int, int]]


class ObservedEvents(list[e.AnyEvent]):
    """A shard's open record, which notes the place of each event among those of all shards."""

    def __init__(self, shard: int, order: Order) -> None:
        super().__init__()
        self._shard = shard
        self._order = order

    def append(self, event: e.AnyEvent) -> None:
        self._order.append((self._shard, len(self)))
        super().append(event)


class ObservedLedger(Ledger):
    """Records hold each shard's events in order; `order` has the (shard, index) of all events of the last sealed turn."""

    def __init__(self, shards: int, retention: Retention | None = None) -> None:
        super().__init__(shards, retention)
        self.order: Order = []
        self._emitted: Order = []

    def record(self, shard: Shard) -> list[e.AnyEvent]:
        """Return the shard's open record."""
        events = self._open.get(shard.number)
        if events is None:
            super().record(shard)
            events = self._open[shard.number] = ObservedEvents(shard.number, self._emitted)
        return events

    def seal(self) -> Turn:
        """End the turn."""
        turn = super().seal()
        self.order, self._emitted = self._emitted, []
        return turn
