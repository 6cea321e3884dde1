"""Holds, and what is done to payments later: capture, void, expiry, refund, reversal.

All of it is decided at the payment's home, the shard of its first `from` account. Accounts of other shards of this host take part
in the same append. For those of other hosts a hold and a refund travel like a payment, since they may be refused there; a capture
or a release cannot be refused, so the home decides at once and `Settle` carries it over.

A hold ends when a record's time has reached `expires_at`: the time in the journal decides, on replay as it did then.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from processor.core import events as e
from processor.core import messages as m
from processor.core.legs import (
    Refusal,
    backwards,
    judge_conditions,
    leg_holds,
    make_entries,
    plan_holds,
    plan_reservation,
    shards_of,
    where_forwards,
    with_amounts,
)
from processor.core.payment import Payment, minus, place_key, plus
from processor.core.results import Result
from processor.core.shard import Shard
from processor.core.turn import Pending

if TYPE_CHECKING:
    from processor.core.ledger import Ledger

DUE_MIN = 1_024
EXPIRIES_PER_TURN_MAX = 1_000
"""How many holds may expire in one turn: the others follow in the next ones."""


class Operations:
    """The life of payments after they were asked for, for all shards of a ledger.

    `_due` is volatile: holds by the time at which they expire, with some that have ended meanwhile still among them. It is made
    anew when it has `_due_max` entries, so that holds that were captured do not stay until their time would have come.
    """

    def __init__(self, ledger: "Ledger") -> None:
        self._ledger = ledger
        self._due: list[tuple[int, int, int]] = []
        self._due_max = DUE_MIN

    # Holds and their time.

    def hold(self, message: m.Hold, shard: Shard) -> m.PaymentAnswer | Pending:
        """Reserve money."""
        ledger = self._ledger
        outcome = ledger.outcome_of(shard, message.key)
        if outcome is not None:
            return ledger.replay(outcome, message.fingerprint, shard)
        if message.version is not None and ledger.has_other_version(shard, message.legs[0].from_account, message.version):
            return ledger.version_differs(shard)
        ledger.record(shard)
        at, sequence, index = shard.at, shard.sequence + 1, shard.index
        expires_at = at + message.lasts_microseconds
        numbers = shards_of(message.legs, ledger.shard_of)
        if not numbers <= ledger.shards.keys():
            return ledger.start_travel(message, shard, expires_at)
        try:
            holds = plan_reservation(message.legs, lambda account: True, ledger.account)
            judge_conditions(message.conditions, lambda account: True, ledger.account)
        except Refusal as refusal:
            ledger.consult(numbers)
            return ledger.refuse(shard, message.key, message.fingerprint, refusal, m.Kind.HOLD)
        by_shard: dict[int, list[e.Hold]] = {}
        for hold in holds:
            by_shard.setdefault(ledger.shard_of(hold.account), []).append(hold)
        ledger.emit(shard, e.Held(
            message.key, message.fingerprint, message.legs, tuple(by_shard.pop(shard.number)), expires_at,
            message.reference, message.metadata,
        ))  # fmt: skip
        self.watch(shard, shard.payments[place_key(sequence, index)])
        others = []
        for number in sorted(by_shard):
            other = ledger.shards[number]
            ledger.emit(other, e.HeldIn(shard.number, sequence, index, tuple(by_shard[number])))
            others.append((number, other.sequence + 1))
        return m.PaymentAnswer(Result.ACCEPTED, False, at, sequence, index, sequence, 0, tuple(others))

    def watch(self, shard: Shard, payment: Payment) -> None:
        """Remember when the hold expires."""
        if payment.expires_at is not None and payment.is_held:
            heappush(self._due, (payment.expires_at, shard.number, payment.key))
            if len(self._due) >= self._due_max:
                self._clean_due()

    def _clean_due(self) -> None:
        self._due = [
            (payment.expires_at, shard.number, payment.key)
            for shard in self._ledger.shards.values()
            for payment in shard.payments.values()
            if payment.expires_at is not None and payment.is_held
        ]
        heapify(self._due)
        self._due_max = max(DUE_MIN, 2 * len(self._due))

    def watch_all(self, shard: Shard) -> None:
        """Remember when the holds of a shard that was taken over expire."""
        for payment in shard.payments.values():
            self.watch(shard, payment)

    def next_due_at(self) -> int | None:
        """Return the time (microseconds) at which the next hold may expire."""
        return self._due[0][0] if self._due else None

    def expire(self) -> None:
        """Release the holds whose time has come."""
        due, ledger = self._due, self._ledger
        left = EXPIRIES_PER_TURN_MAX
        while due and due[0][0] <= ledger.at and left:
            _, number, key = heappop(due)
            shard = ledger.shards.get(number)
            payment = shard.payments.get(key) if shard is not None else None
            if shard is None or payment is None or not payment.is_held:
                continue
            self._release(shard, payment, m.Kind.EXPIRY, None, None)
            left -= 1

    # Captures and voids.

    def capture(self, message: m.Capture, shard: Shard) -> m.OperationAnswer | Pending:
        """Post what was held."""
        payment = self._known(message, shard)
        if not isinstance(payment, Payment):
            return payment
        amounts = message.amounts if message.amounts is not None else payment.held
        if len(amounts) != len(payment.legs):
            return self._answer(Result.LEGS_DIFFER, shard)
        if not self._still_held(shard, payment):
            return self._refuse(message, shard, Result.PAYMENT_NOT_HELD)
        for leg, (amount, held) in enumerate(zip(amounts, payment.held, strict=True)):
            if amount > held:
                return self._refuse(message, shard, Result.AMOUNT_EXCEEDS_HELD, 2 * leg)
        released = payment.held if message.final else amounts
        captured, left = plus(payment.captured, amounts), minus(payment.held, released)
        legs = with_amounts(payment.legs, amounts)
        ledger = self._ledger
        ledger.record(shard)
        place, index = (payment.at, payment.sequence, payment.index), shard.index
        entries, transit = make_entries(legs, shard.number, ledger.shard_of, ledger.account)
        number, participants, here = self._others(shard, payment, with_amounts(payment.legs, released))
        ledger.emit(shard, e.Captured(
            *place, message.key, message.fingerprint, amounts, released, left, captured, payment.refunded, _status(payment, left, captured),
            self._holds(payment, released, shard), entries, transit, number, participants,
        ))  # fmt: skip
        others = self._settle_here(shard, payment, m.Kind.CAPTURE, legs, released, here)
        return self._done(shard, payment, index, amounts, number, others)

    def void(self, message: m.Void, shard: Shard) -> m.OperationAnswer | Pending:
        """Release all that is still held."""
        payment = self._known(message, shard)
        if not isinstance(payment, Payment):
            return payment
        if not self._still_held(shard, payment):
            return self._refuse(message, shard, Result.PAYMENT_NOT_HELD)
        self._ledger.record(shard)
        index, released = shard.index, payment.held
        number, others = self._release(shard, payment, m.Kind.VOID, message.key, message.fingerprint)
        return self._done(shard, payment, index, released, number, others)

    def _still_held(self, shard: Shard, payment: Payment) -> bool:
        """Whether something is held and its time has not come; a hold whose time has come ends here."""
        if payment.is_held and payment.expires_at is not None and payment.expires_at <= self._ledger.at:
            self._release(shard, payment, m.Kind.EXPIRY, None, None)
        return payment.is_held

    def _release(
        self, shard: Shard, payment: Payment, kind: m.Kind, key: bytes | None, fingerprint: bytes | None
    ) -> tuple[int, tuple[tuple[int, int], ...]]:
        released = payment.held
        nothing = (0,) * len(released)
        number, participants, here = self._others(shard, payment, with_amounts(payment.legs, released))
        status = _status(payment, nothing, payment.captured, kind == m.Kind.EXPIRY)
        self._ledger.emit(shard, e.Released(
            payment.at, payment.sequence, payment.index, key, fingerprint, kind, released, payment.captured, payment.refunded, status,
            self._holds(payment, released, shard), number, participants,
        ))  # fmt: skip
        return number, self._settle_here(shard, payment, kind, with_amounts(payment.legs, nothing), released, here)

    # Refunds.

    def refund(self, message: m.Refund, shard: Shard) -> m.OperationAnswer | Pending:
        """Move captured money back."""
        payment = self._known(message, shard)
        if not isinstance(payment, Payment):
            return payment
        left = minus(minus(payment.captured, payment.refunded), payment.refunding)
        amounts = message.amounts if message.amounts is not None else left
        if len(amounts) != len(payment.legs):
            return self._answer(Result.LEGS_DIFFER, shard)
        for leg, (amount, most) in enumerate(zip(amounts, left, strict=True)):
            if amount > most:
                return self._refuse(message, shard, Result.AMOUNT_EXCEEDS_CAPTURED, 2 * leg)
        if not any(amounts):
            return self._refuse(message, shard, Result.AMOUNT_EXCEEDS_CAPTURED)
        legs = backwards(payment.legs, amounts)
        numbers = shards_of(legs, self._ledger.shard_of)
        try:
            if not numbers <= self._ledger.shards.keys():
                return self._ledger.start_refund(message, shard, payment, legs, amounts)
            plan_holds(legs, lambda account: True, self._ledger.account, message.reason is not None)
        except Refusal as refusal:
            self._ledger.consult(numbers & self._ledger.shards.keys())
            return self._refuse(message, shard, refusal.result, where_forwards(refusal.where, len(legs)))
        return self._refund_here(message, shard, payment, legs, amounts)

    def _refund_here(
        self, message: m.Refund, shard: Shard, payment: Payment, legs: tuple[m.Leg, ...], amounts: tuple[int, ...]
    ) -> m.OperationAnswer | Pending:
        ledger = self._ledger
        payment = self.remembered(shard, payment)
        index = shard.index
        kind = kind_of(message)
        refunded = plus(payment.refunded, amounts)
        entries, transit = make_entries(legs, shard.number, ledger.shard_of, ledger.account)
        ledger.emit(shard, e.Refunded(
            payment.at, payment.sequence, payment.index, message.key, message.fingerprint, kind, amounts,
            payment.held, payment.captured, refunded,
            refund_status(payment, refunded), message.reason, entries, transit,
        ))  # fmt: skip
        here = shards_of(legs, ledger.shard_of) - {shard.number}
        others = self._settle_here(shard, payment, kind, legs, (), here)
        return self._done(shard, payment, index, amounts, 0, others)

    def remembered(self, shard: Shard, payment: Payment) -> Payment:
        """Return the payment as memory has it, after it was recalled if need be."""
        ledger = self._ledger
        ledger.record(shard)
        if payment.key not in shard.payments:
            ledger.emit(shard, e.Recalled(payment))
        return shard.payments[payment.key]

    # Reads.

    def read(self, message: m.ReadPayment, shard: Shard) -> m.OperationAnswer:
        """Return the payment as it stands."""
        payment = self._find(message, shard)
        if payment is None:
            return self._answer(Result.PAYMENT_NOT_FOUND, shard)
        self._ledger.consult((shard.number,))
        return m.OperationAnswer(
            Result.ACCEPTED, False, payment.at, payment.sequence, payment.index, self._ledger.as_of(shard), 0, (), payment.view()
        )

    # Small steps.

    def _known(self, message: m.Capture | m.Void | m.Refund, shard: Shard) -> Payment | m.OperationAnswer | Pending:
        """Return the payment, or what is to be answered at once: the key was used before, or there is no such payment."""
        outcome = self._ledger.outcome_of(shard, message.key)
        if outcome is not None:
            answer = self._ledger.replay(outcome, message.fingerprint, shard)
            if isinstance(answer, Pending):
                return answer
            return m.OperationAnswer(
                answer.result, answer.replayed, answer.at, answer.sequence, answer.index, answer.as_of, answer.where
            )
        return self._find(message, shard) or self._answer(Result.PAYMENT_NOT_FOUND, shard)

    def _find(self, message: m.OfPayment, shard: Shard) -> Payment | None:
        payment = shard.payments.get(place_key(message.sequence, message.index))
        if payment is not None:
            return payment if payment.at == message.at else None
        return self._ledger.recalled_payment(shard, (message.at, message.sequence, message.index))

    def _answer(self, result: Result, shard: Shard) -> m.OperationAnswer:
        """Return an answer that leaves no trace."""
        self._ledger.consult((shard.number,))
        return m.OperationAnswer(result, False, 0, 0, 0, self._ledger.as_of(shard))

    def _refuse(self, message: m.Capture | m.Void | m.Refund, shard: Shard, result: Result, where: int = 0) -> m.OperationAnswer:
        about = (message.at, message.sequence, message.index)
        answer = self._ledger.refuse(shard, message.key, message.fingerprint, Refusal(result, where), kind_of(message), about)
        return m.OperationAnswer(result, False, answer.at, answer.sequence, answer.index, answer.as_of, where)

    def _done(
        self,
        shard: Shard,
        payment: Payment,
        index: int,
        amounts: tuple[int, ...],
        number: int,
        others: tuple[tuple[int, int], ...],
    ) -> m.OperationAnswer | Pending:
        sequence = shard.sequence + 1
        answer = m.OperationAnswer(
            Result.ACCEPTED, False, shard.at, sequence, index, sequence, 0, others, payment.view(), amounts
        )
        if not number:
            return answer
        self._ledger.settle_elsewhere(shard, number, answer)
        return Pending(shard.number, number)

    def _holds(self, payment: Payment, amounts: tuple[int, ...], shard: Shard) -> tuple[e.Hold, ...]:
        return leg_holds(payment.legs, amounts, lambda account: self._ledger.shard_of(account) == shard.number)

    def _others(self, shard: Shard, payment: Payment, legs: Iterable[m.Leg]) -> tuple[int, tuple[int, ...], set[int]]:
        """Return (0, (), the legs' other shards) if all of them can take part in this turn, else (transfer number, they, ()).

        They cannot where they are on another host, or have not recorded yet that the hold was committed.
        """
        here = self._ledger.shards
        others = shards_of(legs, self._ledger.shard_of) - {shard.number}
        if all(other in here and payment.key in here[other].held_for.get(shard.number, ()) for other in others):
            return 0, (), others
        return shard.next_number, tuple(sorted(others)), set()

    def _settle_here(
        self,
        shard: Shard,
        payment: Payment,
        kind: m.Kind,
        legs: tuple[m.Leg, ...],
        released: tuple[int, ...],
        numbers: set[int],
    ) -> tuple[tuple[int, int], ...]:
        others = []
        for number in sorted(numbers):
            self.settle(self._ledger.shards[number], shard.number, 0, payment, kind, legs, released)
            others.append((number, self._ledger.shards[number].sequence + 1))
        return tuple(others)

    def settle(
        self,
        shard: Shard,
        home: int,
        number: int,
        payment: Payment | tuple[int, int, int],
        kind: m.Kind,
        legs: tuple[m.Leg, ...],
        released: tuple[int, ...],
    ) -> None:
        """Record another shard's part of what was decided about a payment. `released` is for each leg, () for a refund."""
        place = (payment.at, payment.sequence, payment.index) if isinstance(payment, Payment) else payment
        entries, transit = make_entries(legs, shard.number, self._ledger.shard_of, shard.accounts.get)
        holds: tuple[e.Hold, ...] = ()
        if released:
            holds = leg_holds(legs, released, lambda account: self._ledger.shard_of(account) == shard.number)
        self._ledger.emit(shard, e.Settled(home, number, *place, kind, holds, entries, transit))


def kind_of(message: m.Capture | m.Void | m.Refund) -> m.Kind:
    """Return what is to be done; of a refund, whether it is a reversal."""
    match message:
        case m.Capture():
            return m.Kind.CAPTURE
        case m.Void():
            return m.Kind.VOID
    return m.Kind.REFUND if message.reason is None else m.Kind.REVERSAL


def refund_status(payment: Payment, refunded: tuple[int, ...]) -> m.PaymentStatus:
    """Return the payment's status once this much of each leg has been refunded."""
    return _after(payment, payment.held, payment.captured, refunded, payment.has_expired)


def _status(payment: Payment, held: tuple[int, ...], captured: tuple[int, ...], has_expired: bool = False) -> m.PaymentStatus:
    return _after(payment, held, captured, payment.refunded, has_expired)


def _after(
    payment: Payment, held: tuple[int, ...], captured: tuple[int, ...], refunded: tuple[int, ...], has_expired: bool
) -> m.PaymentStatus:
    return Payment(
        payment.at, payment.sequence, payment.index, payment.legs, held, captured, refunded, payment.refunding,
        payment.expires_at, has_expired, None, None, 0,
    ).status  # fmt: skip
