"""The real Ledger, which also remembers in which order its events came to be over all its shards."""

from processor.core import events as e
from processor.core import messages as m
from processor.core.account import Account
from processor.core.ledger import Ledger, Retention
from processor.core.shard import Shard
from processor.core.turn import Turn


class ObservedLedger(Ledger):
    """Records hold each shard's events in order; `order` has the (shard, index) of all events of the last sealed turn."""

    def __init__(self, shards: int, retention: Retention | None = None) -> None:
        super().__init__(shards, retention)
        self.order: list[tuple[int, int]] = []
        self._emitted: list[tuple[int, int]] = []

    def emit(self, shard: Shard, event: e.AnyEvent) -> None:
        """Record an event, and its place among all others."""
        self._emitted.append((shard.number, shard.index))
        super().emit(shard, event)

    def _post(self, message: m.Pay, shard: Shard, other: Shard, source: Account, target: Account) -> m.PaymentAnswer:
        self._emitted.append((shard.number, shard.index))
        if other is not shard:
            self._emitted.append((other.number, other.index))
        return super()._post(message, shard, other, source, target)

    def seal(self) -> Turn:
        """End the turn."""
        turn = super().seal()
        self.order, self._emitted = self._emitted, []
        return turn
