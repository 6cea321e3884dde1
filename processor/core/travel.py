"""Payments whose accounts live on several hosts: reserve, decide, settle. Escrow, not locks.

The home reserves its own side and asks the others. On the short road (one leg) the `to` shard's record is the decision. Else
every participant reserves and votes, the home's Decided record is the moment of truth, and it forgets the transfer when all
have recorded it. Every message may be lost or repeated: the home asks again until it is answered, receivers recognise repeats
by (home, number).

What is kept here beside the shards is volatile: when a question was last asked, and what has been answered so far. After a
crash it starts empty, so everything open is asked again.
"""

from typing import TYPE_CHECKING

from processor.core import events as e
from processor.core import messages as m
from processor.core.account import availability_problem, credit_problem
from processor.core.legs import Refusal, make_entries, plan_holds
from processor.core.peers import AnyPeerMessage, Clear, Credit, Decide, Done, Part, Reserve, Transfer, Vote
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
    """

    __slots__ = ("asked_at", "done", "is_answered", "since", "votes")

    def __init__(self, since: int) -> None:
        self.since = since
        self.asked_at: int | None = None
        self.votes: dict[int, Vote] = {}
        self.done: dict[int, int] = {}
        self.is_answered = False


class Travel:
    """The protocol between shards, for all shards of a ledger."""

    def __init__(self, ledger: "Ledger") -> None:
        self._ledger = ledger
        self._watches: dict[Key, Watch] = {}
        self._outbox: list[AnyPeerMessage] = []
        self._completed: list[Completed] = []
        self._to_clear: dict[tuple[int, int], int] = {}

    def start(self, message: m.PayLegs, shard: Shard) -> int:
        """Reserve the home's side and ask the others; return the transfer's number. Raises Refusal."""
        holds = plan_holds(message.legs, lambda account: shard.shard_of(account) == shard.number, shard.accounts.get)
        numbers = {shard.shard_of(account) for leg in message.legs for account in (leg.from_account, leg.to_account)}
        participants = tuple(sorted(numbers - {shard.number}))
        number = shard.next_number
        self._ledger.emit(shard, e.Reserved(
            number, message.key, message.fingerprint, message.legs, holds, participants, message.reference, message.metadata
        ))  # fmt: skip
        self._ask(shard, shard.transfers[number])
        return number

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
        at, sequence, index, legs = transfer.at, transfer.sequence, transfer.index, transfer.legs
        for participant in transfer.participants:
            below = self._below(shard, participant)
            if transfer.result is not None:
                if participant not in watch.done:
                    self._outbox.append(Decide(participant, home, number, below, transfer.result == 0))
            elif transfer.is_short:
                self._outbox.append(Credit(participant, home, number, below, at, sequence, index, legs[0]))
            elif participant not in watch.votes:
                self._outbox.append(Reserve(participant, home, number, below, at, sequence, index, legs))

    def _on_vote(self, shard: Shard, vote: Vote) -> None:
        transfer = shard.transfers.get(vote.number)
        if transfer is None or transfer.result is not None:
            return
        watch = self._watch(shard, transfer)
        watch.votes[vote.participant] = vote
        if transfer.is_short or vote.result != 0 or len(watch.votes) == len(transfer.participants):
            self._decide(shard, transfer, Result(vote.result), vote.where)

    def _decide(self, shard: Shard, transfer: Transfer, result: Result, where: int) -> None:
        entries: tuple[e.Entry, ...] = ()
        transit: tuple[e.Transit, ...] = ()
        if result is Result.ACCEPTED:
            entries, transit = make_entries(transfer.legs, shard.number, shard.shard_of, shard.accounts.get)
        self._ledger.emit(shard, e.Decided(
            transfer.number, transfer.at, transfer.sequence, transfer.index, int(result), where, entries, transit
        ))  # fmt: skip
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
        self._completed.append(Completed(shard.number, transfer.number, m.PaymentAnswer(
            Result(transfer.result), False, transfer.at, transfer.sequence, transfer.index, transfer.decided_sequence,
            transfer.where, others,
        )))  # fmt: skip

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
        home, number = question.home, question.number
        at, sequence, index = question.at, question.sequence, question.index
        event: e.AnyEvent
        try:
            if isinstance(question, Credit):
                leg = question.leg
                account = shard.accounts.get(leg.to_account)
                result = availability_problem(account, leg.currency)
                if result is Result.ACCEPTED and account is not None:
                    result = credit_problem(account, leg.amount)
                if result is not Result.ACCEPTED:
                    raise Refusal(result, 1)
                entries, _ = make_entries((leg,), shard.number, shard.shard_of, shard.accounts.get)
                event = e.Received(home, number, at, sequence, index, leg.from_account, entries[0])
            else:
                holds = plan_holds(question.legs, lambda name: shard.shard_of(name) == shard.number, shard.accounts.get)
                event = e.PartReserved(home, number, at, sequence, index, question.legs, holds)
        except Refusal as refusal:
            event = e.PartRefused(home, number, int(refusal.result), refusal.where)
        self._ledger.emit(shard, event)
        return shard.inboxes[home].parts[number]

    def _on_decide(self, shard: Shard, message: Decide) -> None:
        inbox = shard.inboxes.get(message.home)
        if inbox is not None and message.number < inbox.below:
            return
        part = inbox.parts.get(message.number) if inbox is not None else None
        if part is None or not part.decided:
            entries: tuple[e.Entry, ...] = ()
            transit: tuple[e.Transit, ...] = ()
            if message.committed and part is not None:
                entries, transit = make_entries(part.legs, shard.number, shard.shard_of, shard.accounts.get)
            at, sequence, index = (part.at, part.sequence, part.index) if part is not None else (0, 0, 0)
            self._ledger.emit(shard, e.PartDecided(
                message.home, message.number, at, sequence, index, message.committed, entries, transit
            ))  # fmt: skip
            part = shard.inboxes[message.home].parts[message.number]
        self._outbox.append(Done(message.home, shard.number, message.number, part.as_of))

    def _clear(self, shard: Shard, home: int, below: int, at_least: int) -> None:
        inbox = shard.inboxes.get(home)
        if inbox is None or below <= inbox.below or len(inbox.parts) < at_least:
            return
        self._ledger.emit(shard, e.Cleared(home, below))
