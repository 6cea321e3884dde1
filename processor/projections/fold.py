"""The read model's rows, made from the events of one shard alone. Pure: the same records give the same rows, however batched.

For the everyday payment only new rows come out: one payment, its entries, one outcome. Balances stand in the entries; accounts
change when something of them is reserved or released, and payments when something happens to them later.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from processor.core import events as e
from processor.core.ensure import Broken, ensure
from processor.core.messages import Kind, Leg, Metadata
from processor.core.results import Result
from processor.core.shard import pack_outcome
from processor.projections.lines import Lines
from processor.projections.memory import BeginningEvent, Begun, Memory, encode_event
from processor.projections.rows import Amounts, Key, PaymentChange, Rows, accounts_of, currencies_of, json_text, legs_columns

_PAYMENT, _CAPTURE, _HOLD = int(Kind.PAYMENT), int(Kind.CAPTURE), int(Kind.HOLD)
_TAKING = frozenset((e.Reserved, e.PartReserved, e.RefundReserved, e.Held, e.HeldIn))


def accounts_to_know(events: Iterable[e.AnyEvent], memory: Memory) -> set[str]:
    """Return the accounts of which the events reserve something and whose balances the memory does not have."""
    standings = memory.standings
    return {
        hold.account
        for event in events
        if type(event) in _TAKING
        for hold in event.holds  # type: ignore[union-attr]
        if hold.account not in standings
    }


class Fold:
    """Takes the records of one shard in order and adds what they make to `rows`."""

    __slots__ = ("_at", "_index", "_line", "_lines", "_memory", "_rows", "_sequence", "_shard")

    def __init__(self, shard: int, memory: Memory, rows: Rows) -> None:
        """Go on from what the memory says. It must know the accounts that `accounts_to_know` asks for."""
        self._shard = shard
        self._memory = memory
        self._rows = rows
        self._at = self._sequence = self._index = 0
        self._lines = Lines(memory, rows)
        self._line = self._lines.add

    def take(self, sequence: int, at: int, events: Sequence[e.AnyEvent]) -> None:
        """Add what one record makes. Raises Broken if it does not follow from those before."""
        self._sequence, self._at = sequence, at
        self._lines.begin(sequence, at)
        for index, event in enumerate(events):
            self._index = index
            _APPLIERS[type(event)](self, event)

    # Accounts.

    def _account_opened(self, event: e.AccountOpened) -> None:
        self._rows.accounts[event.account] = [
            event.account, self._shard, event.currency, event.min_balance, event.max_balance, json_text(event.metadata),
            self._at, "open", 0, 0,
        ]  # fmt: skip

    def _status_changed(self, event: e.StatusChanged) -> None:
        self._rows.change_status(event.account, event.status)

    # Payments made at once.

    def _paid(self, event: e.Paid) -> None:
        here = self._one_leg(event)
        self._line(event.from_account, -event.amount, event.from_posted, _PAYMENT, here)
        self._line(event.to_account, event.amount, event.to_posted, _PAYMENT, here)

    def _paid_out(self, event: e.PaidOut) -> None:
        self._line(event.from_account, -event.amount, event.from_posted, _PAYMENT, self._one_leg(event))

    def _paid_in(self, event: e.PaidIn) -> None:
        payment = (self._at, event.home, event.home_sequence, event.home_index)
        self._line(event.to_account, event.amount, event.to_posted, _PAYMENT, payment)

    def _paid_legs(self, event: e.PaidLegs) -> None:
        here = self._here()
        self._made_at_once(here, event.legs, event.reference, event.metadata)
        self._lines.post(event.entries, _PAYMENT, here)
        self._outcome(event.key, event.fingerprint)

    def _paid_legs_in(self, event: e.PaidLegsIn) -> None:
        self._lines.post(event.entries, _PAYMENT, (self._at, event.home, event.home_sequence, event.home_index))

    def _refused(self, event: e.Refused) -> None:
        self._outcome(event.key, event.fingerprint, event.result, event.where)

    # Payments, holds and refunds over several hosts.

    def _reserved(self, event: e.Reserved) -> None:
        self._begin(self._shard, event)
        self._lines.move(event.holds, 1, _PAYMENT if event.expires_at is None else _HOLD, self._here())

    def _refund_reserved(self, event: e.RefundReserved) -> None:
        self._begin(self._shard, event)
        self._lines.move(event.holds, 1, event.kind, self._payment_of(event))

    def _decided(self, event: e.Decided) -> None:
        begun = self._end(self._shard, event.number)
        beginning = begun.event
        assert not isinstance(beginning, e.PartReserved), "parts are decided by another event"
        if isinstance(beginning, e.RefundReserved):
            self._lines.settle(beginning.holds, event.entries, beginning.kind, self._payment_of(beginning))
            self._end_refund(self._payment_of(beginning), event)
        else:
            self._end_payment((begun.at, self._shard, begun.sequence, begun.index), beginning, event)
        self._decision(beginning, begun, event)

    def _end_refund(self, payment: Key, event: e.Decided) -> None:
        """Note how the payment stands, whatever has become of the refund."""
        held, captured, refunded, status = event.held, event.captured, event.refunded, event.status
        if held is None or captured is None or refunded is None or status is None:
            raise Broken("the decision about a refund says how the payment stands")
        self._rows.change_payment(payment, PaymentChange(status, held, captured, refunded, self._sequence))

    def _end_payment(self, payment: Key, beginning: e.Reserved, event: e.Decided) -> None:
        is_committed = event.result == Result.ACCEPTED
        if is_committed and beginning.expires_at is not None:
            # What a hold has reserved stays so.
            self._made_hold(payment, beginning.legs, beginning.expires_at, beginning.reference, beginning.metadata)
            return
        self._lines.settle(beginning.holds, event.entries, _PAYMENT if beginning.expires_at is None else _HOLD, payment)
        if is_committed:
            self._made_at_once(payment, beginning.legs, beginning.reference, beginning.metadata)

    def _decision(self, beginning: e.Reserved | e.RefundReserved, begun: Begun, event: e.Decided) -> None:
        """Make the outcome of a transfer; without an answer from a shard there is none, so that the key may be used again."""
        if event.result != Result.SHARD_UNAVAILABLE:
            self._rows.outcomes.append((beginning.key, self._shard, pack_outcome(
                beginning.fingerprint, begun.at, begun.sequence, self._sequence, begun.index, event.result, event.where
            )))  # fmt: skip

    def _part_reserved(self, event: e.PartReserved) -> None:
        self._begin(event.home, event)
        self._lines.move(event.holds, 1, event.kind, (event.at, event.home, event.sequence, event.index))

    def _part_decided(self, event: e.PartDecided) -> None:
        if not event.committed and (event.home, event.number) not in self._memory.transfers:
            return  # Cancelled without having been reserved.
        part = self._end(event.home, event.number).event
        if event.committed and isinstance(part, e.PartReserved) and part.kind == Kind.HOLD:
            return  # What a hold has reserved stays so.
        kind = part.kind if isinstance(part, e.PartReserved) else event.kind
        self._lines.settle(part.holds, event.entries, kind, (event.at, event.home, event.sequence, event.index))

    def _received(self, event: e.Received) -> None:
        self._lines.post((event.entry,), event.kind, (event.at, event.home, event.sequence, event.index))

    # Holds, and what happens to payments later.

    def _held(self, event: e.Held) -> None:
        here = self._here()
        self._lines.move(event.holds, 1, _HOLD, here)
        self._made_hold(here, event.legs, event.expires_at, event.reference, event.metadata)
        self._outcome(event.key, event.fingerprint)

    def _held_in(self, event: e.HeldIn) -> None:
        self._lines.move(event.holds, 1, _HOLD, (self._at, event.home, event.home_sequence, event.home_index))

    def _captured(self, event: e.Captured) -> None:
        self._lines.settle(event.holds, event.entries, _CAPTURE, self._payment_of(event))
        self._change(event, event.held)
        self._outcome(event.key, event.fingerprint)

    def _released(self, event: e.Released) -> None:
        self._lines.settle(event.holds, (), event.kind, self._payment_of(event))
        self._change(event, (0,) * len(event.released))
        if event.key is not None and event.fingerprint is not None:
            self._outcome(event.key, event.fingerprint)

    def _settled(self, event: e.Settled) -> None:
        self._lines.settle(event.holds, event.entries, event.kind, (event.at, event.home, event.sequence, event.index))

    def _refunded(self, event: e.Refunded) -> None:
        self._lines.post(event.entries, event.kind, self._payment_of(event))
        self._change(event, event.held)
        self._outcome(event.key, event.fingerprint)

    # Small steps.

    def _change(self, event: e.Captured | e.Released | e.Refunded, held: Amounts) -> None:
        change = PaymentChange(event.status, held, event.captured, event.refunded, self._sequence)
        self._rows.change_payment(self._payment_of(event), change)

    def _here(self) -> Key:
        return self._at, self._shard, self._sequence, self._index

    def _payment_of(self, event: e.OfPayment) -> Key:
        return event.at, self._shard, event.sequence, event.index

    def _one_leg(self, event: e.Paid | e.PaidOut) -> Key:
        """Add the payment and the outcome of a payment with one leg, and return its place."""
        at, sequence, index, shard = self._at, self._sequence, self._index, self._shard
        here = (at, shard, sequence, index)
        metadata = event.metadata
        self._rows.payments[here] = [
            at, shard, sequence, index, "succeeded", event.from_account, event.to_account, event.amount, event.currency, None,
            None, None, None, None, event.reference, None if metadata is None else json_text(metadata), sequence,
        ]  # fmt: skip
        outcome = pack_outcome(event.fingerprint, at, sequence, sequence, index, 0, 0)
        self._rows.outcomes.append((event.key, shard, outcome))
        return here

    def _made_at_once(self, place: Key, legs: tuple[Leg, ...], reference: str | None, metadata: Metadata | None) -> None:
        self._payment(place, "succeeded", legs, (None, None, None), None, reference, metadata)

    def _made_hold(
        self, place: Key, legs: tuple[Leg, ...], expires_at: int, reference: str | None, metadata: Metadata | None
    ) -> None:
        nothing, amounts = (0,) * len(legs), tuple(leg.amount for leg in legs)
        self._payment(place, "held", legs, (amounts, nothing, nothing), expires_at, reference, metadata)

    def _payment(
        self, place: Key, status: str, legs: tuple[Leg, ...], amounts: tuple[object, object, object], expires_at: int | None,
        reference: str | None, metadata: Metadata | None,
    ) -> None:  # fmt: skip
        self._rows.payments[place] = [
            *place,
            status,
            *legs_columns(legs),
            *amounts,
            expires_at,
            reference,
            json_text(metadata),
            self._sequence,
        ]
        if len(legs) > 1:
            self._rows.payment_accounts += [(account, *place) for account in accounts_of(legs)]
            currencies = currencies_of(legs)
            if len(currencies) > 1:
                self._rows.payment_currencies += [(currency, *place) for currency in currencies]

    def _outcome(self, key: bytes, fingerprint: bytes, result: int = 0, where: int = 0) -> None:
        sequence = self._sequence
        outcome = pack_outcome(fingerprint, self._at, sequence, sequence, self._index, result, where)
        self._rows.outcomes.append((key, self._shard, outcome))

    def _begin(self, home: int, event: BeginningEvent) -> None:
        self._memory.transfers[home, event.number] = Begun(self._at, self._sequence, self._index, event)
        self._rows.transfers[self._shard, home, event.number] = (
            self._shard, home, event.number, self._at, self._sequence, self._index, encode_event(event)
        )  # fmt: skip

    def _end(self, home: int, number: int) -> Begun:
        begun = self._memory.transfers.pop((home, number), None)
        ensure(begun is not None, f"transfer {number} of shard {home} was begun before it was decided on shard {self._shard}")
        assert begun is not None
        self._rows.end_transfer(self._shard, home, number)
        return begun


def _nothing(fold: Fold, event: e.AnyEvent) -> None:
    """These events change nothing that can be read."""


# Of the class, and not bound methods in each fold: such a fold would refer to itself, and it and its rows would wait for the
# garbage collector.
_APPLIERS: dict[type, Callable[[Fold, Any], None]] = {
    e.Fence: _nothing,
    e.AccountOpened: Fold._account_opened,
    e.StatusChanged: Fold._status_changed,
    e.Paid: Fold._paid,
    e.Refused: Fold._refused,
    e.PaidOut: Fold._paid_out,
    e.PaidIn: Fold._paid_in,
    e.PaidLegs: Fold._paid_legs,
    e.PaidLegsIn: Fold._paid_legs_in,
    e.Reserved: Fold._reserved,
    e.Decided: Fold._decided,
    e.Forgotten: _nothing,
    e.PartReserved: Fold._part_reserved,
    e.PartRefused: _nothing,
    e.PartDecided: Fold._part_decided,
    e.Received: Fold._received,
    e.Cleared: _nothing,
    e.Held: Fold._held,
    e.HeldIn: Fold._held_in,
    e.Captured: Fold._captured,
    e.Released: Fold._released,
    e.Settled: Fold._settled,
    e.Refunded: Fold._refunded,
    e.RefundReserved: Fold._refund_reserved,
    e.Recalled: _nothing,
    e.Aged: _nothing,
}
