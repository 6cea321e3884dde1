"""The real Ledger, which also remembers in which order its events came to be over all its shards."""

from processor.core import events as e
from processor.core import messages as m
from processor.core.account import Account
from processor.core.ledger import Ledger, Retention
from processor.core.many import Single
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

    def pay_many(self, payments: m.PayMany) -> tuple[m.PaidMany, list[Single]]:
        """Take the plain road, which gives the same: what came in which order is not seen on the other one."""
        singles = [(pay, self.handle(pay)) for pay in (payments.pay(index, self.shard_count) for index in range(len(payments)))]
        return m.PaidMany([], [-1] * len(payments), [0] * len(payments), []), singles

    def seal(self) -> Turn:
        """End the turn."""
        turn = super().seal()
        self.order, self._emitted = self._emitted, []
        return turn
