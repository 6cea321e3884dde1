"""Sums over everything that the read model should have, so that two long lists can be compared without keeping either.

Each row adds the hash of its content, and a change subtracts the old one: equal sums mean equal sets of rows, whatever the order,
up to chance (2^-61 for each comparison). The sums are made from the journal here, by other code than that which makes the tables.
"""

from collections.abc import Sequence

from processor.core import events as e
from processor.core.ids import Place
from processor.core.payment import minus, place_key, plus
from processor.core.results import Result
from processor.history import postings_at
from processor.journal.record import Record

Amounts = tuple[int, ...]


def entry_hash(account: str, sequence: int, amount: int, posted: int, payment: tuple[int, int, int]) -> int:
    """Return the hash of one entry; `payment` is (shard, sequence, index)."""
    return hash((account, sequence, amount, posted, payment))


def captured_hash(payment: int, held: Amounts, captured: Amounts) -> int:
    """Return the hash of what a payment, by its `place_key`, holds and has captured."""
    return hash((payment, "captured", held, captured))


def refunded_hash(payment: int, refunded: Amounts) -> int:
    """Return the hash of what a payment has refunded."""
    return hash((payment, "refunded", refunded))


def outcome_hash(key: bytes, result: int) -> int:
    """Return the hash of an outcome."""
    return hash((key, result))


class Sums:
    """Of one shard: entries, payments and outcomes, each as (how many, sum of hashes)."""

    def __init__(self) -> None:
        self.entries = [0, 0]
        self.payments = [0, 0]
        self.outcomes = [0, 0]
        self._travelling: dict[int, tuple[int, e.Reserved | e.RefundReserved]] = {}

    def copy(self) -> dict[str, tuple[int, int]]:
        """Return the sums by the name of the table."""
        return {
            "entries": (self.entries[0], self.entries[1]),
            "payments": (self.payments[0], self.payments[1]),
            "outcomes": (self.outcomes[0], self.outcomes[1]),
        }

    def take(self, record: Record, events: Sequence[e.AnyEvent]) -> None:
        """Add what a record makes."""
        for index, event in enumerate(events):
            here = Place(record.at, record.shard, record.sequence, index)
            for posting in postings_at(event, here):
                payment = (posting.payment.shard, posting.payment.sequence, posting.payment.index)
                self._entry(entry_hash(posting.account, record.sequence, posting.amount, posting.posted, payment))
            self._event(place_key(record.sequence, index), event)

    def _entry(self, value: int) -> None:
        self.entries[0] += 1
        self.entries[1] += value

    def _event(self, here: int, event: e.AnyEvent) -> None:
        match event:
            case e.Paid() | e.PaidOut():
                self._made(here, (0,), (event.amount,))
                self._outcome(event.key, 0)
            case e.PaidLegs():
                amounts = tuple(leg.amount for leg in event.legs)
                self._made(here, (0,) * len(amounts), amounts)
                self._outcome(event.key, 0)
            case e.Held():
                amounts = tuple(leg.amount for leg in event.legs)
                self._made(here, amounts, (0,) * len(amounts))
                self._outcome(event.key, 0)
            case e.Refused():
                self._outcome(event.key, event.result)
            case e.Reserved() | e.RefundReserved():
                self._travelling[event.number] = (here, event)
            case e.Decided():
                self._decided(event)
            case e.Captured():
                payment = place_key(event.sequence, event.index)
                before_held = plus(event.held, event.released)
                before = minus(event.captured, event.amounts)
                self._change(captured_hash(payment, before_held, before), captured_hash(payment, event.held, event.captured))
                self._outcome(event.key, 0)
            case e.Released():
                payment = place_key(event.sequence, event.index)
                nothing = (0,) * len(event.released)
                self._change(
                    captured_hash(payment, event.released, event.captured), captured_hash(payment, nothing, event.captured)
                )
                if event.key is not None:
                    self._outcome(event.key, 0)
            case e.Refunded():
                self._refunded(place_key(event.sequence, event.index), event.amounts, event.refunded)
                self._outcome(event.key, 0)

    def _decided(self, event: e.Decided) -> None:
        place, began = self._travelling.pop(event.number)
        if event.result != Result.SHARD_UNAVAILABLE:
            self._outcome(began.key, event.result)
        if event.result != 0:
            return
        if isinstance(began, e.RefundReserved):
            assert event.refunded is not None
            self._refunded(place_key(began.sequence, began.index), began.amounts, event.refunded)
            return
        amounts = tuple(leg.amount for leg in began.legs)
        nothing = (0,) * len(amounts)
        held, captured = (nothing, amounts) if began.expires_at is None else (amounts, nothing)
        self._made(place, held, captured)

    def _made(self, payment: int, held: Amounts, captured: Amounts) -> None:
        self.payments[0] += 1
        self.payments[1] += captured_hash(payment, held, captured) + refunded_hash(payment, (0,) * len(held))

    def _refunded(self, payment: int, amounts: Amounts, refunded: Amounts) -> None:
        before = minus(refunded, amounts)
        self._change(refunded_hash(payment, before), refunded_hash(payment, refunded))

    def _change(self, before: int, after: int) -> None:
        self.payments[1] += after - before

    def _outcome(self, key: bytes, result: int) -> None:
        self.outcomes[0] += 1
        self.outcomes[1] += outcome_hash(key, result)
