"""What each event of the journal says to outsiders. The same event always says the same."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from processor.core import events as e
from processor.core.ids import PREFIX, payment_id, record_prefix, suffix
from processor.core.messages import Kind, Leg
from processor.core.results import Result
from processor.creation import Created, created_by
from processor.eventlog import catalogue as types
from processor.eventlog.event import (
    AboutAccount,
    AboutBalances,
    AboutPayment,
    AboutRefusal,
    AccountData,
    AnyData,
    BalancesData,
    EntryData,
    LegData,
    PaymentData,
    PublishedEvent,
)
from processor.eventlog.origins import Key, Origin
from processor.eventlog.payments import OPERATIONS, AnyStatus, payment_data
from processor.eventlog.standing import Standing, one, standing
from processor.journal.interface import JournalCorrupt
from processor.journal.record import Record

_NO_METADATA: dict[str, str] = {}
_REFUNDS = {Kind.REFUND: types.PAYMENT_REFUNDED, Kind.REVERSAL: types.PAYMENT_REVERSED}
_STATUSES = {"open": types.ACCOUNT_UNFROZEN, "frozen": types.ACCOUNT_FROZEN, "closed": types.ACCOUNT_CLOSED}


class Telling:
    """Adds the events that one record publishes to `published`. `origins` has all older events to which it refers."""

    __slots__ = ("_at", "_index", "_origins", "_prefix", "_published", "_sequence", "_shard")

    def __init__(self, record: Record, origins: Mapping[Key, Origin], published: list[PublishedEvent]) -> None:
        self._shard, self._sequence, self._at = record.shard, record.sequence, record.at
        self._prefix = record_prefix(record.at, record.shard, record.sequence)
        self._origins = origins
        self._published = published
        self._index = 0

    def tell(self, events: Sequence[e.AnyEvent]) -> None:
        """Add what the record's events say."""
        for index, event in enumerate(events):
            teller = _TELLERS.get(type(event))
            if teller is not None:
                self._index = index
                teller(self, event)

    def _add(self, kind: str, subject: str, accounts: tuple[str, ...], data: AnyData) -> None:
        self._published.append(PublishedEvent(self._shard, self._sequence, self._index, self._at, kind, subject, accounts, data))

    # Accounts.

    def _account_opened(self, event: e.AccountOpened) -> None:
        account, currency = event.account, event.currency
        data = AccountData(account, "open", currency, event.min_balance, event.max_balance, event.metadata or _NO_METADATA)
        stands = (BalancesData(account, currency, 0, 0, 0, 0),)
        self._add(types.ACCOUNT_OPENED, account, (account,), AboutAccount(data, stands))

    def _status_changed(self, event: e.StatusChanged) -> None:
        data = AboutAccount(AccountData(event.account, event.status), ())
        self._add(_STATUSES[event.status], event.account, (event.account,), data)

    # Payments at once. These make most of a journal: nothing is called that can be written out.

    def _paid(self, event: e.Paid) -> None:
        source, target, amount, currency = event.from_account, event.to_account, event.amount, event.currency
        pending = event.pending
        source_out, source_in, target_out, target_in = pending or ((0, 0, 0, 0) if pending is not None else (None,) * 4)
        entries = (
            EntryData(source, "debit", amount, currency, event.from_posted),
            EntryData(target, "credit", amount, currency, event.to_posted),
        )
        stands = (
            one(source, currency, event.from_posted, source_out, source_in),
            one(target, currency, event.to_posted, target_out, target_in),
        )
        self._made_at_once(event, entries, stands, (source, target))

    def _paid_out(self, event: e.PaidOut) -> None:
        source, currency, posted, pending = event.from_account, event.currency, event.from_posted, event.pending
        pending_out, pending_in = pending or ((0, 0) if pending is not None else (None, None))
        entries = (EntryData(source, "debit", event.amount, currency, posted),)
        self._made_at_once(event, entries, (one(source, currency, posted, pending_out, pending_in),), (source,))

    def _made_at_once(
        self,
        event: e.Paid | e.PaidOut,
        entries: tuple[EntryData, ...],
        stands: tuple[BalancesData, ...],
        accounts: tuple[str, ...],
    ) -> None:
        source, target, amount, currency = event.from_account, event.to_account, event.amount, event.currency
        identity = self._prefix + suffix(self._index)
        payment = PaymentData(
            identity, "succeeded", source, target, amount, currency, (LegData(source, target, amount, currency),), "immediate",
            0, amount, 0, None, event.reference, event.metadata or _NO_METADATA, self._at,
        )  # fmt: skip
        data = AboutPayment("payment", payment, (amount,), None, entries, stands)
        self._published.append(
            PublishedEvent(
                self._shard, self._sequence, self._index, self._at, types.PAYMENT_SUCCEEDED, identity, accounts, data
            )  # fmt: skip
        )

    def _paid_in(self, event: e.PaidIn) -> None:
        target, currency, posted, pending = event.to_account, event.currency, event.to_posted, event.pending
        pending_out, pending_in = pending or ((0, 0) if pending is not None else (None, None))
        identity = record_prefix(self._at, event.home, event.home_sequence) + suffix(event.home_index)
        data = AboutBalances(
            "payment",
            identity,
            (EntryData(target, "credit", event.amount, currency, posted),),
            (one(target, currency, posted, pending_out, pending_in),),
        )
        self._add(types.BALANCES_CHANGED, identity, (target,), data)

    def _paid_legs(self, event: e.PaidLegs) -> None:
        created, here = created_by(event), self._here()
        assert created is not None
        self._payment(
            types.PAYMENT_SUCCEEDED,
            Kind.PAYMENT,
            created,
            here,
            "succeeded",
            _amounts(created),
            standing(event.balances, event.entries),
        )

    def _refused(self, event: e.Refused) -> None:
        place = payment_id(*self._here())
        payment = place if event.about is None else payment_id(event.about[0], self._shard, *event.about[1:])
        is_condition = event.result == Result.BALANCE_CONDITION_FAILED
        leg, side = divmod(event.where, 2)
        data = AboutRefusal(
            OPERATIONS[event.kind] if event.kind is not None else None,
            payment if event.kind is not None else None,
            f"req_{place.removeprefix(PREFIX)}",
            Result(event.result).code,
            None if is_condition else leg,
            None if is_condition else ("to" if side else "from"),
            event.where if is_condition else None,
        )
        self._add(types.PAYMENT_REFUSED, data.payment_id or data.request_id, (), data)

    # Payments, holds and refunds over several hosts.

    def _reserved(self, event: e.Reserved) -> None:
        created = created_by(event)
        assert created is not None
        kind = Kind.PAYMENT if event.expires_at is None else Kind.HOLD
        stands = standing(event.balances, (), event.holds, event.legs)
        self._payment(types.PAYMENT_PENDING, kind, created, self._here(), "pending", _amounts(created), stands)

    def _decided(self, event: e.Decided) -> None:
        if event.about is not None:
            self._refund_decided(event, event.about)
            return
        created = self._created(event.sequence, event.index)
        place = (event.at, self._shard, event.sequence, event.index)
        is_hold = created.expires_at is not None
        kind = Kind.HOLD if is_hold else Kind.PAYMENT
        amounts = _amounts(created)
        stands = standing(event.balances, event.entries)
        if event.result != Result.ACCEPTED:
            code = Result(event.result).code
            self._payment(types.PAYMENT_CANCELLED, kind, created, place, "refused", amounts, stands, code=code)
        elif is_hold:
            self._payment(types.PAYMENT_HELD, kind, created, place, "held", amounts, stands)
        else:
            self._payment(types.PAYMENT_SUCCEEDED, kind, created, place, "succeeded", amounts, stands)

    def _refund_decided(self, event: e.Decided, about: tuple[int, int, int]) -> None:
        at, sequence, index = about
        reserved = self._origins[self._shard, event.sequence, event.index]
        held, captured, refunded, status = event.held, event.captured, event.refunded, event.status
        assert isinstance(reserved, e.RefundReserved), "the decision about a refund names where it was reserved"
        assert held is not None and captured is not None and refunded is not None and status is not None
        is_done = event.result == Result.ACCEPTED
        self._payment(
            _REFUNDS[reserved.kind] if is_done else types.PAYMENT_REFUND_REFUSED, reserved.kind, self._created(sequence, index),
            (at, self._shard, sequence, index), status, reserved.amounts, standing(event.balances, event.entries),
            (held, captured, refunded), reserved.reason, None if is_done else Result(event.result).code,
        )  # fmt: skip

    def _refund_reserved(self, event: e.RefundReserved) -> None:
        stands = standing(event.balances, (), event.holds, event.legs)
        place, held, captured, refunded = self._place_of(event), event.held, event.captured, event.refunded
        if event.status is None or held is None or captured is None or refunded is None:
            # Written before it was recorded how the payment stands meanwhile: so only the accounts are told.
            self._balances(event.kind, payment_id(*place), stands)
            return
        self._payment(
            types.PAYMENT_REFUND_PENDING, event.kind, self._created(event.sequence, event.index), place, event.status,
            event.amounts, stands, (held, captured, refunded), event.reason,
        )  # fmt: skip

    # Holds, and what happens to payments later.

    def _held(self, event: e.Held) -> None:
        created = created_by(event)
        assert created is not None
        stands = standing(event.balances, (), event.holds, event.legs)
        self._payment(types.PAYMENT_HELD, Kind.HOLD, created, self._here(), "held", _amounts(created), stands)

    def _captured(self, event: e.Captured) -> None:
        created = self._created(event.sequence, event.index)
        stands = standing(event.balances, event.entries, event.holds, created.legs)
        self._payment(
            types.PAYMENT_CAPTURED, Kind.CAPTURE, created, self._place_of(event), event.status, event.amounts, stands,
            (event.held, event.captured, event.refunded),
        )  # fmt: skip

    def _released(self, event: e.Released) -> None:
        created = self._created(event.sequence, event.index)
        stands = standing(event.balances, (), event.holds, created.legs)
        nothing = (0,) * len(created.legs)
        self._payment(
            types.PAYMENT_EXPIRED if event.kind == Kind.EXPIRY else types.PAYMENT_VOIDED, event.kind, created,
            self._place_of(event), event.status, event.released, stands, (nothing, event.captured, event.refunded),
        )  # fmt: skip

    def _refunded(self, event: e.Refunded) -> None:
        self._payment(
            _REFUNDS[event.kind], event.kind, self._created(event.sequence, event.index), self._place_of(event), event.status,
            event.amounts, standing(event.balances, event.entries), (event.held, event.captured, event.refunded), event.reason,
        )  # fmt: skip

    # Other shards' halves.

    def _paid_legs_in(self, event: e.PaidLegsIn) -> None:
        identity = payment_id(self._at, event.home, event.home_sequence, event.home_index)
        self._balances(Kind.PAYMENT, identity, standing(event.balances, event.entries))

    def _held_in(self, event: e.HeldIn) -> None:
        legs = self._legs(event.balances, (event.home, event.home_sequence, event.home_index))
        identity = payment_id(self._at, event.home, event.home_sequence, event.home_index)
        self._balances(Kind.HOLD, identity, standing(event.balances, (), event.holds, legs))

    def _part_reserved(self, event: e.PartReserved) -> None:
        self._balances(event.kind, _elsewhere(event), standing(event.balances, (), event.holds, event.legs))

    def _part_decided(self, event: e.PartDecided) -> None:
        self._balances(event.kind, _elsewhere(event), standing(event.balances, event.entries))

    def _received(self, event: e.Received) -> None:
        self._balances(event.kind, _elsewhere(event), standing(event.balances, (event.entry,)))

    def _settled(self, event: e.Settled) -> None:
        legs = self._legs(event.balances, (event.home, event.sequence, event.index))
        self._balances(event.kind, _elsewhere(event), standing(event.balances, event.entries, event.holds, legs))

    # Small steps.

    def _payment(
        self,
        kind: str,
        operation: Kind,
        created: Created,
        place: tuple[int, int, int, int],
        status: AnyStatus,
        amounts: tuple[int, ...],
        stands: Standing,
        stand: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None = None,
        reason: str | None = None,
        code: str | None = None,
    ) -> None:
        """Add an event about a payment. `stand`: what is held, captured and refunded of it; None: as its status says."""
        nothing = (0,) * len(created.legs)
        held, captured, refunded = stand or (
            amounts if status == "held" else nothing, amounts if status == "succeeded" else nothing, nothing
        )  # fmt: skip
        payment = payment_data(created, place, status, held, captured, refunded)
        entries, balances, accounts = stands
        data = AboutPayment(OPERATIONS[operation], payment, amounts, reason, entries, balances, code)
        self._add(kind, payment.id, accounts, data)

    def _balances(self, operation: Kind, identity: str, stands: Standing) -> None:
        """Add an event about accounts alone, unless none is touched."""
        entries, balances, accounts = stands
        if accounts:
            self._add(
                types.BALANCES_CHANGED, identity, accounts, AboutBalances(OPERATIONS[operation], identity, entries, balances)
            )

    def _created(self, sequence: int, index: int) -> Created:
        created = self._origins[self._shard, sequence, index]
        if not isinstance(created, Created):
            raise JournalCorrupt(f"shard {self._shard}: record {self._sequence} is about {sequence}:{index}, which is no payment")
        return created

    def _legs(self, balances: Sequence[e.Balances] | None, payment: Key) -> tuple[Leg, ...]:
        """Return the legs of another shard's payment; () where they are not needed."""
        created = self._origins[payment] if balances is None else None
        return created.legs if created is not None else ()

    def _here(self) -> tuple[int, int, int, int]:
        return self._at, self._shard, self._sequence, self._index

    def _place_of(self, event: e.OfPayment) -> tuple[int, int, int, int]:
        return event.at, self._shard, event.sequence, event.index


def _amounts(created: Created) -> tuple[int, ...]:
    return tuple([leg.amount for leg in created.legs])


def _elsewhere(event: e.PartReserved | e.PartDecided | e.Received | e.Settled) -> str:
    """Return the id of the other shard's payment."""
    return payment_id(event.at, event.home, event.sequence, event.index)


_TELLERS: dict[type, Callable[[Telling, Any], None]] = {
    e.AccountOpened: Telling._account_opened,
    e.StatusChanged: Telling._status_changed,
    e.Paid: Telling._paid,
    e.PaidOut: Telling._paid_out,
    e.PaidIn: Telling._paid_in,
    e.PaidLegs: Telling._paid_legs,
    e.PaidLegsIn: Telling._paid_legs_in,
    e.Refused: Telling._refused,
    e.Reserved: Telling._reserved,
    e.Decided: Telling._decided,
    e.RefundReserved: Telling._refund_reserved,
    e.PartReserved: Telling._part_reserved,
    e.PartDecided: Telling._part_decided,
    e.Received: Telling._received,
    e.Held: Telling._held,
    e.HeldIn: Telling._held_in,
    e.Captured: Telling._captured,
    e.Released: Telling._released,
    e.Settled: Telling._settled,
    e.Refunded: Telling._refunded,
}
"""Of the journal's other events nobody outside is told: Fence, Forgotten, PartRefused, Cleared, Recalled, Aged."""

REFERRED: frozenset[type] = frozenset((e.Held, e.Reserved, e.RefundReserved))
"""What later events are likely to refer to."""

REFERRING: frozenset[type] = frozenset((e.Decided, e.Captured, e.Released, e.Refunded, e.RefundReserved, e.HeldIn, e.Settled))
"""What may refer to older events."""
