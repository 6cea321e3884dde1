"""Sums over everything that the read model should have, so that two long lists can be compared without keeping either.

Each row adds the hash of its content, and a change subtracts the old one: equal sums mean equal sets of rows, whatever the order,
up to chance (2^-61 for each comparison). The sums are made from the journal here, by other code than that which makes the tables.
"""

from collections.abc import Sequence

from processor.core import events as e
from processor.core.ids import Place
from processor.core.messages import Leg, Metadata
from processor.core.payment import minus, place_key, plus
from processor.core.results import Result
from processor.core.shard import pack_outcome
from processor.history import postings_at
from processor.journal.record import Record

Amounts = tuple[int, ...]
Creation = e.Paid | e.PaidOut | e.PaidLegs | e.Held | e.Reserved
Keyed = Creation | e.Refused | e.Captured | e.Released | e.Refunded | e.RefundReserved


def entry_hash(account: str, sequence: int, amount: int, posted: int, payment: tuple[int, int, int]) -> int:
    """Return the hash of one entry; `payment` is (shard, sequence, index)."""
    return hash((account, sequence, amount, posted, payment))


def captured_hash(payment: int, held: Amounts, captured: Amounts) -> int:
    """Return the hash of what a payment, by its `place_key`, holds and has captured."""
    return hash((payment, "captured", held, captured))


def refunded_hash(payment: int, refunded: Amounts) -> int:
    """Return the hash of what a payment has refunded."""
    return hash((payment, "refunded", refunded))


def made_hash(
    payment: int, at: int, legs: tuple[Leg, ...], expires_at: int | None, reference: str | None, metadata: Metadata | None
) -> int:
    """Return the hash of what a payment was made as."""
    return hash((payment, at, legs, expires_at, reference, frozenset(metadata.items()) if metadata else None))


def outcome_hash(key: bytes, outcome: bytes) -> int:
    """Return the hash of an outcome, as the core packs it."""
    return hash((key, outcome))


class Sums:
    """Of one shard: entries, payments and outcomes, each as (how many, sum of hashes)."""

    def __init__(self) -> None:
        self.entries = [0, 0]
        self.payments = [0, 0]
        self.outcomes = [0, 0]
        self._travelling: dict[int, tuple[Place, e.Reserved | e.RefundReserved]] = {}

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
            self._event(here, event)

    def _entry(self, value: int) -> None:
        self.entries[0] += 1
        self.entries[1] += value

    def _event(self, here: Place, event: e.AnyEvent) -> None:
        match event:
            case e.Paid() | e.PaidOut():
                self._made(here, event, (Leg(event.from_account, event.to_account, event.amount, event.currency),))
                self._outcome(event, here, here.sequence)
            case e.PaidLegs():
                self._made(here, event, event.legs)
                self._outcome(event, here, here.sequence)
            case e.Held():
                self._made(here, event, event.legs, event.expires_at)
                self._outcome(event, here, here.sequence)
            case e.Refused():
                self._outcome(event, here, here.sequence, event.result, event.where)
            case e.Reserved() | e.RefundReserved():
                self._travelling[event.number] = (here, event)
            case e.Decided():
                self._decided(event, here.sequence)
            case e.Captured():
                payment = place_key(event.sequence, event.index)
                before = captured_hash(payment, plus(event.held, event.released), minus(event.captured, event.amounts))
                self._change(before, captured_hash(payment, event.held, event.captured))
                self._outcome(event, here, here.sequence)
            case e.Released():
                payment = place_key(event.sequence, event.index)
                before = captured_hash(payment, event.released, event.captured)
                self._change(before, captured_hash(payment, (0,) * len(event.released), event.captured))
                self._outcome(event, here, here.sequence)
            case e.Refunded():
                self._refunded(place_key(event.sequence, event.index), event.amounts, event.refunded)
                self._outcome(event, here, here.sequence)

    def _decided(self, event: e.Decided, sequence: int) -> None:
        place, began = self._travelling.pop(event.number)
        if event.result != Result.SHARD_UNAVAILABLE:
            self._outcome(began, place, sequence, event.result, event.where)
        if event.result != 0:
            return
        if isinstance(began, e.RefundReserved):
            assert event.refunded is not None
            self._refunded(place_key(began.sequence, began.index), began.amounts, event.refunded)
        else:
            self._made(place, began, began.legs, began.expires_at)

    def _made(self, place: Place, event: Creation, legs: tuple[Leg, ...], expires_at: int | None = None) -> None:
        payment = place_key(place.sequence, place.index)
        amounts, nothing = tuple(leg.amount for leg in legs), (0,) * len(legs)
        held, captured = (nothing, amounts) if expires_at is None else (amounts, nothing)
        self.payments[0] += 1
        self.payments[1] += captured_hash(payment, held, captured) + refunded_hash(payment, nothing)
        self.payments[1] += made_hash(payment, place.at, legs, expires_at, event.reference, event.metadata)

    def _refunded(self, payment: int, amounts: Amounts, refunded: Amounts) -> None:
        before = minus(refunded, amounts)
        self._change(refunded_hash(payment, before), refunded_hash(payment, refunded))

    def _change(self, before: int, after: int) -> None:
        self.payments[1] += after - before

    def _outcome(self, event: Keyed, place: Place, as_of: int, result: int = 0, where: int = 0) -> None:
        if event.key is None or event.fingerprint is None:
            return  # A hold that ended by time: nobody asked for it.
        outcome = pack_outcome(event.fingerprint, place.at, place.sequence, as_of, place.index, result, where)
        self.outcomes[0] += 1
        self.outcomes[1] += outcome_hash(event.key, outcome)
