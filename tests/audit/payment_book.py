"""What a journal says about holds and what becomes of payments later, and whether it may say so."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from processor.core import events as e
from processor.core import messages as m
from processor.core.messages import Kind, Leg
from processor.core.payment import Payment as RealPayment
from tests.audit.lines import Line
from tests.audit.travels import REFUNDING, JournalLies, Travel, Travels, must
from tests.model.payments import ACCEPTED, Payment, Place, only, undone
from tests.model.reference_ledger import ReferenceLedger

_Asked = TypeVar("_Asked", m.Hold, m.Capture, m.Void, m.Refund)
PaymentEvent = e.Captured | e.Released | e.Refunded | e.RefundReserved


@dataclass(frozen=True)
class Where:
    """An event's place."""

    shard: int
    at: int
    sequence: int
    index: int

    @property
    def place(self) -> Place:
        """The place as a payment's."""
        return self.shard, self.at, self.sequence, self.index


@dataclass(frozen=True)
class Due:
    """The half of something that another shard of the host must record in the same append."""

    kind: Kind
    posts: tuple[Leg, ...] = ()
    reserves: tuple[Leg, ...] = ()
    releases: tuple[Leg, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A payment as it stood right after an event of its home."""

    sequence: int
    index: int
    view: m.PaymentView


class PaymentBook:
    """All payments by place, what each looked like over time, and what other shards still owe to this append."""

    def __init__(
        self,
        model: ReferenceLedger,
        travels: Travels,
        asked: dict[bytes, m.AnyMessage],
        expects: Callable[[int, Place, Due], None],
    ) -> None:
        self._model = model
        self._travels = travels
        self._asked = asked
        self._expects = expects
        self._held_by: dict[Place, Travel] = {}
        self.history: dict[Place, list[Seen]] = {}

    # Payments begin.

    def begin(self, where: Where, payment: Payment) -> None:
        """A payment was accepted by the event at its place."""
        self._model.payments[where.place] = payment
        self._note(where, where.place)

    def begin_after_travel(self, where: Where, travel: Travel) -> None:
        """A payment, or a hold, between hosts was committed."""
        place: Place = (travel.home, *travel.place)
        message = self._asked[travel.fingerprint]
        if isinstance(message, m.Hold):
            expires_at = travel.place[0] + message.lasts_microseconds
            payment = Payment.reserved(travel.legs, expires_at, message.reference, message.metadata)
            self._held_by[place] = travel
        else:
            assert isinstance(message, m.Pay | m.PayLegs)
            payment = Payment.made(travel.legs, message.reference, message.metadata)
        self._model.payments[place] = payment
        self._note(where, place)

    def hold(self, where: Where, event: e.Held) -> list[Line]:
        """Money was reserved on this host alone."""
        message = self._message(event.fingerprint, m.Hold)
        must(event.legs == message.legs, f"the journal does not say what the client asked: {event}")
        must(event.expires_at == where.at + message.lasts_microseconds, f"the hold expires at another time: {event}")
        verdict = self._model.judge_hold(event.legs, conditions=message.conditions)
        must(verdict == ACCEPTED, f"held, though the rules say {verdict}: {event}")
        self._model.reserve(event.legs, self._travels.on(where.shard))
        for other in self._travels.shards_of(event.legs) - {where.shard}:
            self._expects(other, where.place, Due(Kind.HOLD, reserves=event.legs))
        self.begin(where, Payment.reserved(event.legs, event.expires_at, event.reference, event.metadata))
        return []

    # What becomes of holds.

    def capture(self, where: Where, event: e.Captured) -> list[Line]:
        """Some of what is held was posted."""
        place, payment = self._payment(where, event)
        message = self._message_about(event.fingerprint, m.Capture, place)
        verdict = payment.capture_problem(message.amounts, where.at)
        must(verdict == ACCEPTED, f"captured, though the rules say {verdict}: {event} of {payment}")
        amounts = payment.amounts("held") if message.amounts is None else message.amounts
        released = payment.capture(amounts, message.final)
        must((event.amounts, event.released) == (amounts, released), f"captured {amounts}, released {released}: {event}")
        must(event.held == payment.amounts("held"), f"the books say that {payment.amounts('held')} is held: {event}")
        self._compare(event, payment)
        return self._let_go(where, event, Kind.CAPTURE, place, amounts, released)

    def release(self, where: Where, event: e.Released) -> list[Line]:
        """What is still held was given up."""
        place, payment = self._payment(where, event)
        must(payment.is_held, f"released, though nothing is held: {event} of {payment}")
        is_over = payment.is_over(where.at)
        if event.kind is Kind.EXPIRY:
            must(is_over, f"expired before its time: {event} at {where.at} of {payment}")
            must(event.key is None and event.fingerprint is None, f"nobody asks for an expiry: {event}")
        else:
            must(event.kind is Kind.VOID and event.fingerprint is not None, f"a void has a key: {event}")
            self._message_about(event.fingerprint or b"", m.Void, place)
            must(not is_over, f"voided after it expired: {event} at {where.at} of {payment}")
        released = payment.release(by_time=event.kind is Kind.EXPIRY)
        must(event.released == released, f"the books say that {released} was held: {event}")
        self._compare(event, payment)
        return self._let_go(where, event, event.kind, place, (0,) * len(released), released)

    def _let_go(
        self,
        where: Where,
        event: e.Captured | e.Released,
        kind: Kind,
        place: Place,
        amounts: tuple[int, ...],
        released: tuple[int, ...],
    ) -> list[Line]:
        """Held money is posted or free again: here, and on the other shards now or later."""
        payment = self._model.payments[place]
        posts, releases = only(payment.legs, amounts), only(payment.legs, released)
        self._model.reserve(releases, self._travels.on(where.shard), -1)
        if event.number:
            self._travels.settle_later(Travel(
                where.shard, event.number, (where.at, where.sequence, where.index), event.key, event.fingerprint or b"",
                posts, frozenset(event.participants), kind, True, place[1:], None, releases,
            ))  # fmt: skip
        else:
            must(not event.participants, f"participants of a transfer that there is not: {event}")
            for other in self._travels.shards_of(releases) - {where.shard}:
                self._expects(other, place, Due(kind, posts, releases=releases))
        self._note(where, place)
        return self._travels.post(posts, where.shard)

    def settle(self, shard: int, event: e.Settled) -> list[Line]:
        """A decision about a hold has come from another host."""
        travel = self._held_by.get((event.home, event.at, event.sequence, event.index))
        must(travel is None or shard in travel.settled, f"settled before the hold itself was recorded there: {event}")
        return self._travels.settle(shard, event)

    # What was captured goes back.

    def refund(self, where: Where, event: e.Refunded) -> list[Line]:
        """Money was given back, all of it on this host."""
        place, payment, amounts = self._refundable(where, event)
        verdict = self._model.judge_refund(payment, amounts, event.kind is Kind.REVERSAL)
        must(verdict == ACCEPTED, f"refunded, though the rules say {verdict}: {event}")
        payment.refund(amounts)
        must(event.held == payment.amounts("held"), f"the books say that {payment.amounts('held')} is held: {event}")
        self._compare(event, payment)
        legs = undone(payment.legs, amounts)
        for other in self._travels.shards_of(legs) - {where.shard}:
            self._expects(other, place, Due(event.kind, legs))
        self._note(where, place)
        return self._travels.post(legs, where.shard)

    def refund_between_hosts(self, where: Where, event: e.RefundReserved) -> None:
        """A refund over several hosts has begun."""
        place, payment, amounts = self._refundable(where, event)
        legs = undone(payment.legs, amounts)
        must(event.legs == legs, f"the refund's legs are {event.legs}, the books say {legs}")
        shards = self._travels.shards_of(legs)
        is_short = len(legs) == 1 and where.shard in shards and len(shards) == 2
        must(event.is_long != is_short, f"the refund takes the wrong road: {event}")
        payment.send_back(amounts)
        self._travels.reserve(Travel(
            where.shard, event.number, (where.at, where.sequence, where.index), event.key, event.fingerprint, legs,
            frozenset(event.participants), event.kind, event.is_long, place[1:],
        ))  # fmt: skip

    def end_refund(self, where: Where, event: e.Decided, travel: Travel) -> None:
        """The decision about such a refund."""
        must(travel.kind in REFUNDING and travel.about is not None, f"only refunds are about another payment: {travel}")
        place: Place = (travel.home, *travel.payment_place)
        payment = self._model.payments[place]
        amounts = tuple(leg.amount for leg in reversed(travel.legs))
        payment.send_back(amounts, -1)
        if travel.verdict == ACCEPTED:
            payment.refund(amounts)
        must((event.kind, event.about) == (travel.kind, travel.about), f"the decision is about something else: {event}")
        must(event.held == payment.amounts("held"), f"the books say that {payment.amounts('held')} is held: {event}")
        self._compare(event, payment)
        self._note(where, place)

    def _refundable(self, where: Where, event: e.Refunded | e.RefundReserved) -> tuple[Place, Payment, tuple[int, ...]]:
        place, payment = self._payment(where, event)
        message = self._message_about(event.fingerprint, m.Refund, place)
        kind = Kind.REFUND if message.reason is None else Kind.REVERSAL
        must((event.kind, event.reason) == (kind, message.reason), f"asked for was {message}: {event}")
        verdict = payment.refund_problem(message.amounts)
        must(verdict == ACCEPTED, f"refunded, though the rules say {verdict}: {event} of {payment}")
        amounts = payment.refundable if message.amounts is None else message.amounts
        must(event.amounts == amounts, f"refunded are {event.amounts}, the books say {amounts}")
        return place, payment, amounts

    # Memory.

    def check_recalled(self, shard: int, said: RealPayment) -> Place:
        """A payment has come back from the archive: it must be as it stood last. Return its place."""
        place = (shard, said.at, said.sequence, said.index)
        history = self.history.get(place)
        if not history:
            raise JournalLies(f"recalled, though there is no such payment: {said}")
        must(not self._model.payments[place].is_open, f"recalled, though memory must still have it: {said}")
        must(said == recallable(history[-1]), f"recalled as {said}, last it was {history[-1]}")
        return place

    # Small steps.

    @staticmethod
    def _compare(event: e.Captured | e.Released | e.Refunded | e.Decided, payment: Payment) -> None:
        """What the event says about the payment after it is so."""
        said = (event.captured, event.refunded, event.status)
        expected = (payment.amounts("captured"), payment.amounts("refunded"), payment.status)
        must(said == expected, f"the event says {said}, the books say {expected}")

    def _payment(self, where: Where, event: PaymentEvent) -> tuple[Place, Payment]:
        place = (where.shard, event.at, event.sequence, event.index)
        payment = self._model.payments.get(place)
        if payment is None:
            raise JournalLies(f"shard {where.shard} has no such payment: {event}")
        return place, payment

    def _message(self, fingerprint: bytes, kind: type[_Asked]) -> _Asked:
        message = self._asked.get(fingerprint)
        if not isinstance(message, kind):
            raise JournalLies(f"the journal holds a {kind.__name__} where the client asked {message}")
        return message

    def _message_about(self, fingerprint: bytes, kind: type[_Asked], place: Place) -> _Asked:
        message = self._message(fingerprint, kind)
        assert isinstance(message, m.OfPayment)
        about = (message.shard, message.at, message.sequence, message.index)
        must(about == place, f"asked about the payment at {about}, done to that at {place}: {message}")
        return message

    def _note(self, where: Where, place: Place) -> None:
        payment = self._model.payments[place]
        problem = payment.problem()
        must(not problem, f"the payment at {place} after {where}: {problem}")
        _, *spot = place
        view = m.PaymentView(
            spot[0], spot[1], spot[2], payment.status, payment.legs, payment.amounts("held"), payment.amounts("captured"),
            payment.amounts("refunded"), payment.expires_at, payment.reference, payment.metadata, where.sequence,
        )  # fmt: skip
        self.history.setdefault(place, []).append(Seen(where.sequence, where.index, view))


def recallable(seen: Seen) -> RealPayment:
    """Return the payment as an archive gives it back to its shard: that it expired is told by its status, where that matters."""
    view = seen.view
    nothing = (0,) * len(view.legs)
    return RealPayment(
        view.at, view.sequence, view.index, view.legs, view.held, view.captured, view.refunded, nothing,
        view.expires_at, view.status == "expired", view.reference, view.metadata, view.changed,
    )  # fmt: skip
