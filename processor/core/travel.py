"""Payments whose accounts live on several hosts: reserve, decide, settle. Escrow, not locks.

The home reserves its own side and asks the others. On the short road (one leg) the `to` shard's record is the decision. Else
every participant reserves and votes, the home's Decided record is the moment of truth, and it forgets the transfer when all
have recorded it. Every message may be lost or repeated: the home asks again until it is answered, receivers recognise repeats
by (home, number).

What is kept here beside the shards is volatile: when a question was last asked, and what has been answered so far. After a
crash it starts empty, so everything open is asked again.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from processor.core import events as e
from processor.core import messages as m
from processor.core.legs import (
    Refusal,
    judge_conditions,
    make_entries,
    plan_holds,
    plan_reservation,
    shards_of,
    where_forwards,
)
from processor.core.operations import kind_of, refund_status
from processor.core.payment import Payment, place_key, plus
from processor.core.peers import AnyPeerMessage, Clear, Credit, Decide, Done, Part, Reserve, Settle, Transfer, Vote
from processor.core.results import Result
from processor.core.shard import Shard
from processor.core.turn import Completed

if TYPE_CHECKING:
    from processor.core.ledger import Ledger

ASK_AGAIN_MICROSECONDS = 500_000
"""How long a question may stay unanswered before it is asked again."""

GIVE_UP_MICROSECONDS = 5_000_000
"""How long the home waits for votes before it cancels. The short road has no such choice: the other side decides."""

SETTLE_GRACE_MICROSECONDS = 100_000
"""How long a committed payment's answer waits for the participants to record it, so that the client then reads it everywhere."""

CLEAR_AT = 64
"""A participant drops closed transfers once it remembers this many (or when told to by Clear)."""

Key = tuple[int, int]
"""(home, number)"""


class Watch:
    """What the home has heard about one open transfer since it was opened or recovered.

    Times are of the ledger's `waited`: when it was last asked about (None: never), and since when it has been as it is.
    `answer` waits for the others to settle.
    """

    __slots__ = ("answer", "asked_at", "done", "is_answered", "since", "votes")

    def __init__(self, since: int) -> None:
        self.since = since
        self.asked_at: int | None = None
        self.votes: dict[int, Vote] = {}
        self.done: dict[int, int] = {}
        self.is_answered = False
        self.answer: m.OperationAnswer | None = None


class Travel:
    """The protocol between shards, for all shards of a ledger."""

    def __init__(self, ledger: "Ledger") -> None:
        self._ledger = ledger
        self._watches: dict[Key, Watch] = {}
        self._outbox: list[AnyPeerMessage] = []
        self._completed: list[Completed] = []
        self._to_clear: dict[tuple[int, int], int] = {}

    def start(self, message: m.PayLegs | m.Hold, shard: Shard, expires_at: int | None) -> int:
        """Reserve the home's side and ask the others; return the transfer's number. Raises Refusal."""
        plan = plan_holds if expires_at is None else plan_reservation
        is_here = _is_on(shard)
        holds = plan(message.legs, is_here, shard.accounts.get)
        judge_conditions(message.conditions, is_here, shard.accounts.get)
        participants = tuple(sorted(shards_of(message.legs, shard.shard_of) - {shard.number}))
        number = shard.next_number
        self._ledger.emit(shard, e.Reserved(
            number, message.key, message.fingerprint, message.legs, holds, participants, message.reference, message.metadata,
            expires_at, message.conditions,
        ))  # fmt: skip
        self._ask(shard, shard.transfers[number])
        return number

    def start_refund(
        self, message: m.Refund, shard: Shard, payment: Payment, legs: tuple[m.Leg, ...], amounts: tuple[int, ...]
    ) -> int:
        """Reserve the home's side of a refund and ask the others; return the transfer's number. Raises Refusal."""
        kind = kind_of(message)
        holds = plan_holds(legs, _is_on(shard), shard.accounts.get, kind == m.Kind.REVERSAL)
        participants = tuple(sorted(shards_of(legs, shard.shard_of) - {shard.number}))
        payment = self._ledger.operations.remembered(shard, payment)
        number = shard.next_number
        is_long = len(legs) > 1 or len(participants) > 1 or not holds
        self._ledger.emit(shard, e.RefundReserved(
            payment.at, payment.sequence, payment.index, number, message.key, message.fingerprint, kind, amounts,
            message.reason, legs, holds, participants, is_long, None,
            payment.held, payment.captured, payment.refunded, payment.status,
        ))  # fmt: skip
        self._ask(shard, shard.transfers[number])
        return number

    def start_settling(self, shard: Shard, transfer: Transfer, answer: m.OperationAnswer | None) -> None:
        """Tell the others what was decided; the answer, if anybody waits for one, is given when they have recorded it."""
        self._watch(shard, transfer).answer = answer
        self._ask(shard, transfer)

    def forget(self, home: int) -> None:
        """Drop what is remembered for a shard that leaves."""
        for key in [key for key in self._watches if key[0] == home]:
            del self._watches[key]
        for pair in [pair for pair in self._to_clear if pair[0] == home]:
            del self._to_clear[pair]

    def is_watching(self) -> bool:
        """Whether any shard here is home to an open transfer, or owes a Clear."""
        return bool(self._to_clear) or any(shard.transfers for shard in self._ledger.shards.values())

    def receive(self, message: AnyPeerMessage) -> None:
        """Take a message for a shard of this ledger."""
        shard = self._ledger.shards[message.shard]
        match message:
            case Reserve() | Credit():
                self._on_question(shard, message)
            case Vote():
                self._on_vote(shard, message)
            case Decide():
                self._on_decide(shard, message)
            case Done():
                self._on_done(shard, message)
            case Settle():
                self._on_settle(shard, message)
            case Clear():
                self._clear(shard, message.home, message.below, at_least=1)

    def deliver(self) -> tuple[list[AnyPeerMessage], list[Completed]]:
        """Hand local messages over until none is left; return those for elsewhere and what has been completed."""
        elsewhere: list[AnyPeerMessage] = []
        while self._outbox:
            outbox, self._outbox = self._outbox, []
            for message in outbox:
                if message.shard in self._ledger.shards:
                    self.receive(message)
                else:
                    elsewhere.append(message)
        completed, self._completed = self._completed, []
        return elsewhere, completed

    def tick(self) -> None:
        """Ask again, cancel what waited too long for votes, and answer what waited long enough for the others to settle."""
        now = self._ledger.waited
        for shard in list(self._ledger.shards.values()):
            for transfer in list(shard.transfers.values()):
                watch = self._watch(shard, transfer)
                if transfer.result is None and not transfer.is_short and now - watch.since > GIVE_UP_MICROSECONDS:
                    self._decide(shard, transfer, Result.SHARD_UNAVAILABLE, 0)
                if transfer.result is not None and now - watch.since > SETTLE_GRACE_MICROSECONDS:
                    self._answer(shard, transfer)
                if watch.asked_at is None or now - watch.asked_at > ASK_AGAIN_MICROSECONDS:
                    self._ask(shard, transfer)
        self._send_clears()

    # At home.

    def _watch(self, shard: Shard, transfer: Transfer) -> Watch:
        key = (shard.number, transfer.number)
        watch = self._watches.get(key)
        if watch is None:
            watch = self._watches[key] = Watch(self._ledger.waited)
        return watch

    def _below(self, shard: Shard, participant: int) -> int:
        """The lowest number that is still open between the two; transfers are kept in the order of their numbers."""
        for number, transfer in shard.transfers.items():
            if participant in transfer.participants:
                return number
        return shard.next_number

    def _ask(self, shard: Shard, transfer: Transfer) -> None:
        """Send what the transfer waits for: votes first, then acknowledgements of the decision."""
        watch = self._watch(shard, transfer)
        watch.asked_at = self._ledger.waited
        home, number = shard.number, transfer.number
        place, legs, kind, conditions = transfer.payment_place, transfer.legs, transfer.kind, transfer.conditions
        for participant in transfer.participants:
            below = self._below(shard, participant)
            if transfer.result is not None:
                if participant in watch.done:
                    continue
                if transfer.is_settling:
                    self._outbox.append(Settle(participant, home, number, below, *place, kind, legs, transfer.amounts))
                else:
                    self._outbox.append(Decide(participant, home, number, below, transfer.result == 0))
            elif transfer.is_short:
                self._outbox.append(Credit(participant, home, number, below, *place, legs[0], kind, conditions))
            elif participant not in watch.votes:
                self._outbox.append(Reserve(participant, home, number, below, *place, legs, kind, conditions))

    def _on_vote(self, shard: Shard, vote: Vote) -> None:
        transfer = shard.transfers.get(vote.number)
        if transfer is None or transfer.result is not None:
            return
        watch = self._watch(shard, transfer)
        watch.votes[vote.participant] = vote
        if transfer.is_short or vote.result != 0 or len(watch.votes) == len(transfer.participants):
            where = vote.where
            if vote.result != 0 and transfer.about is not None:
                where = where_forwards(where, len(transfer.legs))
            self._decide(shard, transfer, Result(vote.result), where)

    def _decide(self, shard: Shard, transfer: Transfer, result: Result, where: int) -> None:
        entries: tuple[e.Entry, ...] = ()
        transit: tuple[e.Transit, ...] = ()
        if result is Result.ACCEPTED and transfer.kind != m.Kind.HOLD:
            entries, transit = make_entries(transfer.legs, shard.number, shard.shard_of, shard.accounts.get)
        decided = e.Decided(
            transfer.number, transfer.at, transfer.sequence, transfer.index, int(result), where, entries, transit, transfer.kind
        )
        if transfer.about is not None:
            payment = shard.payments[place_key(*transfer.about[1:])]
            refunded = plus(payment.refunded, transfer.amounts) if result is Result.ACCEPTED else payment.refunded
            decided = msgspec.structs.replace(
                decided, about=transfer.about, held=payment.held, captured=payment.captured, refunded=refunded,
                status=refund_status(payment, refunded),
            )  # fmt: skip
        self._ledger.emit(shard, decided)
        if transfer.kind == m.Kind.HOLD and result is Result.ACCEPTED:
            self._ledger.operations.watch(shard, shard.payments[place_key(transfer.sequence, transfer.index)])
        watch = self._watch(shard, transfer)
        watch.since = self._ledger.waited
        if transfer.is_short:
            watch.done = {vote.participant: vote.as_of for vote in watch.votes.values()}
            self._answer(shard, transfer)
            self._closed(shard, transfer)
            return
        if result is not Result.ACCEPTED:
            self._answer(shard, transfer)
        self._ask(shard, transfer)

    def _on_done(self, shard: Shard, done: Done) -> None:
        transfer = shard.transfers.get(done.number)
        if transfer is None or transfer.result is None:
            return
        watch = self._watch(shard, transfer)
        watch.done[done.participant] = done.as_of
        if len(watch.done) == len(transfer.participants):
            self._answer(shard, transfer)
            self._ledger.emit(shard, e.Forgotten(transfer.number))
            self._closed(shard, transfer)

    def _answer(self, shard: Shard, transfer: Transfer) -> None:
        watch = self._watch(shard, transfer)
        if watch.is_answered or transfer.result is None:
            return
        watch.is_answered = True
        others = tuple(sorted(watch.done.items())) if transfer.result == 0 else ()
        answer: m.PaymentAnswer | m.OperationAnswer
        if transfer.is_settling:
            if watch.answer is None:
                return
            answer = msgspec.structs.replace(watch.answer, others=others)
        else:
            answer = m.PaymentAnswer(
                Result(transfer.result), False, transfer.at, transfer.sequence, transfer.index, transfer.decided_sequence,
                transfer.where, others,
            )  # fmt: skip
            if transfer.about is not None:
                answer = self._refund_answer(shard, transfer, answer)
        self._completed.append(Completed(shard.number, transfer.number, answer))

    def _refund_answer(self, shard: Shard, transfer: Transfer, answer: m.PaymentAnswer) -> m.OperationAnswer:
        """Return the answer with the payment, unless it has changed since: then the journal tells how it stood."""
        assert transfer.about is not None
        payment = shard.payments.get(place_key(*transfer.about[1:]))
        is_unchanged = payment is not None and payment.changed == transfer.decided_sequence and answer.result is Result.ACCEPTED
        return m.OperationAnswer(
            answer.result, False, answer.at, answer.sequence, answer.index, answer.as_of, answer.where, answer.others,
            payment.view() if payment is not None and is_unchanged else None, transfer.amounts if is_unchanged else (),
        )  # fmt: skip

    def _closed(self, shard: Shard, transfer: Transfer) -> None:
        self._watches.pop((shard.number, transfer.number), None)
        for participant in transfer.participants:
            self._to_clear[shard.number, participant] = self._ledger.waited

    def _send_clears(self) -> None:
        """Tell participants now and then what is closed, for the case that no further question tells them."""
        for (home, participant), since in list(self._to_clear.items()):
            shard = self._ledger.shards[home]
            if self._ledger.waited - since > ASK_AGAIN_MICROSECONDS:
                del self._to_clear[home, participant]
                self._outbox.append(Clear(participant, home, self._below(shard, participant)))

    # At a participant.

    def _on_question(self, shard: Shard, question: Reserve | Credit) -> None:
        self._clear(shard, question.home, question.below, at_least=CLEAR_AT)
        inbox = shard.inboxes.get(question.home)
        if inbox is not None and question.number < inbox.below:
            return
        part = inbox.parts.get(question.number) if inbox is not None else None
        if part is None:
            part = self._take(shard, question)
        self._outbox.append(Vote(question.home, shard.number, question.number, part.result, part.where, part.as_of))

    def _take(self, shard: Shard, question: Reserve | Credit) -> Part:
        home, number, kind = question.home, question.number, question.kind
        place = (question.at, question.sequence, question.index)
        is_here, lookup = _is_on(shard), shard.accounts.get
        although_frozen = kind == m.Kind.REVERSAL
        event: e.AnyEvent
        try:
            if isinstance(question, Credit):
                leg = question.leg
                plan_holds((leg,), is_here, lookup, although_frozen)
                judge_conditions(question.conditions, is_here, lookup)
                entries, _ = make_entries((leg,), shard.number, shard.shard_of, lookup)
                event = e.Received(home, number, *place, leg.from_account, entries[0], kind)
            else:
                if kind == m.Kind.HOLD:
                    holds = plan_reservation(question.legs, is_here, lookup)
                else:
                    holds = plan_holds(question.legs, is_here, lookup, although_frozen)
                judge_conditions(question.conditions, is_here, lookup)
                event = e.PartReserved(home, number, *place, question.legs, holds, kind)
        except Refusal as refusal:
            event = e.PartRefused(home, number, int(refusal.result), refusal.where)
        self._ledger.emit(shard, event)
        return shard.inboxes[home].parts[number]

    def _on_settle(self, shard: Shard, message: Settle) -> None:
        """Carry out what the home has decided about a hold. Before its own decision has arrived the message is too early."""
        inbox = shard.inboxes.get(message.home)
        if inbox is not None and message.number < inbox.below:
            return
        part = inbox.parts.get(message.number) if inbox is not None else None
        if part is None:
            place = (message.at, message.sequence, message.index)
            if place_key(message.sequence, message.index) not in shard.held_for.get(message.home, ()):
                return
            self._clear(shard, message.home, message.below, at_least=CLEAR_AT)
            self._ledger.operations.settle(
                shard, message.home, message.number, place, message.kind, message.legs, message.released
            )
            part = shard.inboxes[message.home].parts[message.number]
        self._outbox.append(Done(message.home, shard.number, message.number, part.as_of))

    def _on_decide(self, shard: Shard, message: Decide) -> None:
        inbox = shard.inboxes.get(message.home)
        if inbox is not None and message.number < inbox.below:
            return
        part = inbox.parts.get(message.number) if inbox is not None else None
        if part is None or not part.decided:
            entries: tuple[e.Entry, ...] = ()
            transit: tuple[e.Transit, ...] = ()
            if message.committed and part is not None and part.kind != m.Kind.HOLD:
                entries, transit = make_entries(part.legs, shard.number, shard.shard_of, shard.accounts.get)
            at, sequence, index = (part.at, part.sequence, part.index) if part is not None else (0, 0, 0)
            self._ledger.emit(shard, e.PartDecided(
                message.home, message.number, at, sequence, index, message.committed, entries, transit,
                part.kind if part is not None else m.Kind.PAYMENT,
            ))  # fmt: skip
            part = shard.inboxes[message.home].parts[message.number]
        self._outbox.append(Done(message.home, shard.number, message.number, part.as_of))

    def _clear(self, shard: Shard, home: int, below: int, at_least: int) -> None:
        inbox = shard.inboxes.get(home)
        if inbox is None or below <= inbox.below or len(inbox.parts) < at_least:
            return
        self._ledger.emit(shard, e.Cleared(home, below))


def _is_on(shard: Shard) -> Callable[[str], bool]:
    """Return the test whether an account belongs to this shard."""
    return lambda account: shard.shard_of(account) == shard.number
