"""Reads a journal in the order in which it was written, and holds every event against the reference ledger.

Balances are worked out from what clients asked for, never from what events say; the events must agree.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from processor.core import events as e
from processor.core import messages as m
from processor.core.invariants import sum_violations
from processor.core.messages import Kind, Leg
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.shard import Shard
from tests.audit.lines import Line, legs_of, lines_of, one_leg
from tests.audit.memory import Memory
from tests.audit.payment_book import Due, PaymentBook, Where
from tests.audit.standing import check_standing
from tests.audit.travels import JournalLies, Travel, Travels, must
from tests.model.payments import ACCEPTED, Payment, Place, Verdict, undone
from tests.model.reference_ledger import ReferenceLedger, everything


class DurableRecord(Protocol):
    """What every kind of record has."""

    @property
    def shard(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def at(self) -> int: ...
    @property
    def payload(self) -> bytes: ...


@dataclass(frozen=True)
class Outcome:
    """How a payment, or what was done to one, ended: the place where it began, and the home's record that decided."""

    fingerprint: bytes
    verdict: Verdict
    at: int
    sequence: int
    index: int
    decided_sequence: int


Balances = tuple[str, int, int, int]
"""(status, posted, pending_in, pending_out)"""


@dataclass
class JournalAudit:
    """The state of the books after all records so far.

    `asked`: which message stands behind a fingerprint. `archived`: shard -> record up to which the archive is said to be complete;
    None if nobody says so.
    """

    shards: int
    asked: dict[bytes, m.AnyMessage]
    archived: dict[int, int] | None = None
    model: ReferenceLedger = field(default_factory=ReferenceLedger)
    outcomes: dict[tuple[int, bytes], Outcome] = field(default_factory=dict)
    given_up: dict[tuple[int, bytes], list[Outcome]] = field(default_factory=dict)
    views: dict[str, list[tuple[int, Balances]]] = field(default_factory=dict)
    versions: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """The account's version after each record that changed it."""

    def __post_init__(self) -> None:
        self.states = [Shard(number, self.shards) for number in range(self.shards)]
        self.memories = [Memory() for _ in range(self.shards)]
        self.travels = Travels(self.model, self._shard_of)
        self.book = PaymentBook(self.model, self.travels, self.asked, self._expect)
        self._open_keys: set[tuple[int, bytes]] = set()
        self._owed: dict[tuple[int, int, int, int], Due] = {}
        self._touched: set[str] = set()

    def _shard_of(self, account: str) -> int:
        return shard_of(account, self.shards)

    # One append.

    def append(self, records: Sequence[DurableRecord], order: Iterable[tuple[int, int]], held: Collection[int]) -> None:
        """Take one atomic append of a host that holds these shards; `order` has the (shard, index) of its events in order."""
        by_shard = {record.shard: record for record in records}
        events = {record.shard: e.decode_events(record.payload) for record in records}
        places = list(order)
        must(len(places) == sum(map(len, events.values())), "every event has its place in the order of the turn")
        self._touched.clear()
        for shard, index in places:
            record = by_shard[shard]
            self._event(Where(shard, record.at, record.sequence, index), events[shard][index], held)
            check_standing(self.model, events[shard][index])
        must(not self._owed, f"an append holds one half of a payment: {self._owed}")
        for record in records:
            state = self.states[record.shard]
            state.replay(record.sequence, record.at, events[record.shard])
            found = sum_violations(state)
            must(not found, f"after record {record.sequence}: {found}")
            if any(isinstance(event, e.Aged) for event in events[record.shard]):
                self.memories[record.shard].compare(state)
        self._compare_balances(self._touched)
        for account in self._touched:
            state = self.states[self._shard_of(account)]
            self.versions.setdefault(account, [(0, 0)]).append((state.sequence, state.accounts[account].version))

    def _event(self, where: Where, event: e.AnyEvent, held: Collection[int]) -> None:
        match event:
            case e.Fence() | e.Cleared():
                pass
            case e.AccountOpened():
                terms = (event.account, event.currency, event.min_balance, event.max_balance, event.metadata)
                must(self.model.open_account(*terms) == (Result.ACCEPTED, True), f"opened twice: {event}")
                must(self._shard_of(event.account) == where.shard, f"opened on the wrong shard: {event}")
                self._note(event.account, where.sequence)
            case e.StatusChanged():
                must(self.model.set_status(event.account, event.status) is Result.ACCEPTED, f"not allowed: {event}")
                self._note(event.account, where.sequence)
            case e.Paid() | e.PaidOut() | e.PaidLegs():
                self._paid(where, event)
            case e.PaidIn() | e.PaidLegsIn() | e.HeldIn():
                self._pay_due(where, event)
            case e.Refused():
                self._refused(where, event, held)
            case e.Recalled() | e.Aged():
                self._memory_event(where, event)
            case e.Held() | e.Captured() | e.Released() | e.Settled() | e.Refunded() | e.RefundReserved():
                self._payment_event(where, event)
            case _:
                self._travel_event(where, event)

    def _paid(self, where: Where, event: e.Paid | e.PaidOut | e.PaidLegs) -> None:
        message = self._message(event.fingerprint)
        legs = legs_of(message)
        asked = event.legs if isinstance(event, e.PaidLegs) else (one_leg(event),)
        must(asked == legs, f"the journal says {asked} where the client asked {legs}")
        verdict = self.model.judge(legs, conditions=message.conditions)
        must(verdict == ACCEPTED, f"paid, though the rules say {verdict}: {event}")
        self._settle_key(where, event.key, event.fingerprint, verdict)
        for other in self.travels.shards_of(legs) - {where.shard}:
            self._expect(other, where.place, Due(Kind.PAYMENT, legs))
        self._posted(where, self.travels.post(legs, where.shard), lines_of(event))
        self.book.begin(where, Payment.made(legs, event.reference, event.metadata))

    def _refused(self, where: Where, event: e.Refused, held: Collection[int]) -> None:
        said = (Result(event.result), event.where)
        verdict = self._judge(where, self.asked.get(event.fingerprint), held)
        must(verdict == said and said != ACCEPTED, f"refused as {said}, the rules say {verdict}: {event}")
        self._settle_key(where, event.key, event.fingerprint, said)

    def _judge(self, where: Where, message: m.AnyMessage | None, held: Collection[int]) -> Verdict:
        """Return what the rules say of a message; a home that needs other hosts judges its own accounts only."""

        def ours(legs: Sequence[Leg]) -> Callable[[str], bool]:
            return everything if self.travels.shards_of(legs) <= set(held) else self.travels.on(where.shard)

        match message:
            case m.Pay() | m.PayLegs():
                legs = legs_of(message)
                return self.model.judge(legs, ours(legs), message.conditions)
            case m.Hold():
                return self.model.judge_hold(message.legs, ours(message.legs), message.conditions)
            case m.Capture() | m.Void() | m.Refund():
                payment = self.model.payments.get((message.shard, message.at, message.sequence, message.index))
                if payment is None or message.shard != where.shard:
                    return Result.PAYMENT_NOT_FOUND, 0
                if isinstance(message, m.Capture):
                    return payment.capture_problem(message.amounts, where.at)
                if isinstance(message, m.Void):
                    return (Result.PAYMENT_NOT_HELD, 0) if payment.is_over(where.at) else ACCEPTED
                verdict = payment.refund_problem(message.amounts)
                amounts = payment.refundable if message.amounts is None else message.amounts
                if verdict != ACCEPTED:
                    return verdict
                is_ours = ours(undone(payment.legs, amounts))
                return self.model.judge_refund(payment, amounts, message.reason is not None, is_ours)
        must(False, f"the journal holds a refusal of what nobody asked for: {message}")
        return ACCEPTED

    # Halves of one host.

    def _expect(self, shard: int, place: Place, due: Due) -> None:
        home, _, sequence, index = place
        key = (shard, home, sequence, index)
        must(key not in self._owed, f"shard {shard} was to record {self._owed.get(key)} before {due}")
        self._owed[key] = due

    def _pay_due(self, where: Where, event: e.PaidIn | e.PaidLegsIn | e.HeldIn | e.Settled) -> None:
        kind = event.kind if isinstance(event, e.Settled) else Kind.HOLD if isinstance(event, e.HeldIn) else Kind.PAYMENT
        place = (event.sequence, event.index) if isinstance(event, e.Settled) else (event.home_sequence, event.home_index)
        due = self._owed.pop((where.shard, event.home, *place), None)
        if due is None or due.kind is not kind:
            must(False, f"shard {where.shard} records {event}, though what is due is {due}")
            return
        is_ours = self.travels.on(where.shard)
        self.model.reserve(due.reserves, is_ours)
        self.model.reserve(due.releases, is_ours, -1)
        self._posted(where, self.travels.post(due.posts, where.shard), lines_of(event))
        self._note_legs((*due.reserves, *due.releases), where)

    # Holds, captures, refunds.

    def _payment_event(
        self, where: Where, event: e.Held | e.Captured | e.Released | e.Settled | e.Refunded | e.RefundReserved
    ) -> None:
        if isinstance(event, e.Settled):
            if event.number:
                self._posted(where, self.book.settle(where.shard, event), lines_of(event))
                self._note_legs(self.travels.known[event.home, event.number].legs, where)
            else:
                self._pay_due(where, event)
            return
        if isinstance(event, e.RefundReserved):
            self._take_key(where.shard, event.key)
            self.memories[where.shard].learn(event.key)
            self.book.refund_between_hosts(where, event)
            self._note_legs(event.legs, where)
            return
        if event.key is not None and event.fingerprint is not None:
            self._settle_key(where, event.key, event.fingerprint, ACCEPTED)
        place = where.place if isinstance(event, e.Held) else (where.shard, event.at, event.sequence, event.index)
        memory = self.memories[where.shard]
        must(isinstance(event, e.Held) or place in memory.payments, f"the payment is not in memory: {event}")
        match event:
            case e.Held():
                expected = self.book.hold(where, event)
            case e.Captured():
                expected = self.book.capture(where, event)
            case e.Released():
                expected = self.book.release(where, event)
            case e.Refunded():
                expected = self.book.refund(where, event)
        memory.payments[place] = where.sequence
        self._posted(where, expected, lines_of(event))
        self._note_legs(self.model.payments[place].legs, where)

    def _memory_event(self, where: Where, event: e.Recalled | e.Aged) -> None:
        memory = self.memories[where.shard]
        if isinstance(event, e.Recalled):
            place = self.book.check_recalled(where.shard, event.payment)
            must(place not in memory.payments, f"recalled, though it is in memory: {event}")
            memory.payments[place] = event.payment.changed
            return
        if self.archived is not None:
            archived = self.archived.get(where.shard, 0)
            must(archived >= memory.boundary, f"shard {where.shard} forgets up to {memory.boundary}, archived is {archived}")
        memory.age(where.sequence, self.travels.undecided_keys(where.shard), self.model.payments)

    # Transfers.

    def _travel_event(self, where: Where, event: e.AnyEvent) -> None:
        shard, travels = where.shard, self.travels
        match event:
            case e.Reserved():
                self._reserved(where, event)
            case e.Decided():
                self._decided(where, event)
            case e.Forgotten():
                travels.forget(shard, event.number)
            case e.PartReserved():
                travels.part_reserve(shard, event)
                self._note_legs(event.legs, where)
            case e.PartRefused():
                travels.part_refuse(shard, event)
            case e.PartDecided():
                self._posted(where, travels.part_decide(shard, event), lines_of(event))
                self._note_legs(travels.known[event.home, event.number].legs, where)
            case e.Received():
                self._posted(where, travels.receive(shard, event), lines_of(event))
            case _:
                must(False, f"nothing is known of such events: {event}")

    def _reserved(self, where: Where, event: e.Reserved) -> None:
        message = self._message(event.fingerprint)
        is_hold = isinstance(message, m.Hold)
        expires_at = where.at + message.lasts_microseconds if isinstance(message, m.Hold) else None
        said, expected = (event.legs, event.expires_at, event.conditions), (legs_of(message), expires_at, message.conditions)
        must(said == expected, f"the journal says {said}, the client asked {expected}")
        self._take_key(where.shard, event.key)
        self.memories[where.shard].learn(event.key)
        self.travels.reserve(Travel(
            where.shard, event.number, (where.at, where.sequence, where.index), event.key, event.fingerprint, event.legs,
            frozenset(event.participants), Kind.HOLD if is_hold else Kind.PAYMENT, is_hold, None, event.conditions,
        ))  # fmt: skip
        self._note_legs(event.legs, where)

    def _decided(self, where: Where, event: e.Decided) -> None:
        travel, lines = self.travels.decide(where.shard, event)
        self._close_key(where, travel)
        self._posted(where, lines, lines_of(event))
        self._note_legs(travel.legs, where)
        place: Place = (travel.home, *travel.payment_place)
        memory = self.memories[where.shard]
        if travel.about is not None:
            must(place in memory.payments, f"the payment is not in memory: {travel}")
            self.book.end_refund(where, event, travel)
            memory.payments[place] = where.sequence
        elif travel.verdict == ACCEPTED:
            self.book.begin_after_travel(where, travel)
            if travel.kind is Kind.HOLD:
                memory.payments[place] = where.sequence

    # Keys.

    def _message(self, fingerprint: bytes) -> m.Pay | m.PayLegs | m.Hold:
        message = self.asked.get(fingerprint)
        if not isinstance(message, m.Pay | m.PayLegs | m.Hold):
            raise JournalLies(f"the journal holds a payment where the client asked {message}")
        return message

    def _take_key(self, shard: int, key: bytes) -> None:
        must((shard, key) not in self.outcomes and (shard, key) not in self._open_keys, f"key {key!r} takes effect twice")
        self._open_keys.add((shard, key))

    def _settle_key(self, where: Where, key: bytes, fingerprint: bytes, verdict: Verdict) -> None:
        self._take_key(where.shard, key)
        self._open_keys.discard((where.shard, key))
        self.memories[where.shard].learn(key)
        self.outcomes[where.shard, key] = Outcome(fingerprint, verdict, where.at, where.sequence, where.index, where.sequence)

    def _close_key(self, where: Where, travel: Travel) -> None:
        assert travel.verdict is not None
        assert travel.key is not None
        scope = (where.shard, travel.key)
        must(scope in self._open_keys, f"decided, though its key is not open: {travel}")
        self._open_keys.discard(scope)
        outcome = Outcome(travel.fingerprint, travel.verdict, *travel.place, where.sequence)
        if travel.verdict[0] is Result.SHARD_UNAVAILABLE:
            self.given_up.setdefault(scope, []).append(outcome)
            self.memories[where.shard].drop(travel.key)
        else:
            self.outcomes[scope] = outcome
            self.memories[where.shard].learn(travel.key)

    # Balances.

    def _posted(self, where: Where, expected: Sequence[Line], said: Sequence[Line]) -> None:
        must(
            list(expected) == list(said),
            f"record {where.sequence} of shard {where.shard} says {said}, the books say {expected}",
        )
        for account, _, _ in said:
            self._note(account, where.sequence)

    def _note_legs(self, legs: tuple[Leg, ...], where: Where) -> None:
        for account in {account for leg in legs for account in (leg.from_account, leg.to_account)}:
            if account in self.model.accounts and self._shard_of(account) == where.shard:
                self._note(account, where.sequence)

    def _note(self, account: str, sequence: int) -> None:
        known = self.model.accounts[account]
        self._touched.add(account)
        self.views.setdefault(account, []).append((sequence, (known.status, known.posted, known.held_in, known.held_out)))

    def check_books(self) -> None:
        """Compare every account of the replayed shards with the reference ledger; with nothing under way, all of them sum to zero."""
        if not self.travels.open_ones():
            must(not any(self.model.totals().values()), f"the balances sum to {self.model.totals()}")
        replayed = {account for state in self.states for account in state.accounts}
        must(replayed == self.model.accounts.keys(), "the shards hold the accounts that were opened")
        self._compare_balances(replayed)
        for state, memory in zip(self.states, self.memories, strict=True):
            memory.compare(state)

    def overdue(self) -> list[Place]:
        """Return the holds whose time had come by the newest record of their home, and which are still held."""
        payments = self.model.payments.items()
        return [place for place, payment in payments if payment.is_held and payment.is_over(self.states[place[0]].at)]

    def _compare_balances(self, accounts: Iterable[str]) -> None:
        for name in accounts:
            known, account = self.model.accounts[name], self.states[self._shard_of(name)].accounts[name]
            real = (account.status, account.posted, account.pending_in, account.pending_out)
            expected = (known.status, known.posted, known.held_in, known.held_out)
            must(real == expected, f"{name} is {real}, the books say {expected}")
