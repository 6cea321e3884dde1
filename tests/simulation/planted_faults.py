"""Safeguards taken away, one at a time. The simulation must notice each of them, or it proves nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec

from actors.balance import plan
from actors.commit_loop import CommitLoop
from processor.core import events as e
from processor.core.account import Account, debit_problem
from processor.core.events import decode_events
from processor.core.ledger import Ledger
from processor.core.legs import plan_holds
from processor.core.peers import Credit, Part, Reserve, Vote
from processor.core.results import Result
from processor.core.shard import Shard, State, unpack_outcome
from processor.core.travel import Travel
from processor.journal.interface import JournalUnavailable
from processor.journal.memory import MemoryJournal, StoredRecord
from processor.journal.record import Record
from tests.model.reference_ledger import ReferenceLedger, Side
from tests.simulation.recording_journal import RecordingJournal
from tests.simulation.store_connection import StoreConnection

Fault = Callable[[], Any]


def writers_are_not_fenced() -> Any:
    """The journal takes whatever anybody writes."""

    async def append(self: MemoryJournal, records: Sequence[Record]) -> None:
        for record in records:
            self.streams[record.shard][record.sequence] = StoredRecord(record.hash(), record.frame())

    return patch.object(MemoryJournal, "append", append)


def answers_come_before_the_append() -> Any:
    """The commit loop does not wait for the journal."""
    append = StoreConnection.append

    async def start_only(self: StoreConnection, records: Sequence[Record]) -> None:
        about, connection = self._what_the_writer_knows(), copy(self)
        connection._what_the_writer_knows = lambda: about  # type: ignore[method-assign]
        work = self._world.loop.create_task(append(connection, records))
        work.add_done_callback(lambda done: done.exception())

    return patch.object(StoreConnection, "append", start_only)


def snapshots_forget_the_keys() -> Any:
    """The table of idempotency keys is not in the snapshot."""
    encode = Shard.encode
    change = msgspec.msgpack.Decoder(State)

    def without_keys(self: Shard) -> bytes:
        state = change.decode(encode(self))
        state.outcomes = {}
        return msgspec.msgpack.encode(state)

    return patch.object(Shard, "encode", without_keys)


def appends_are_not_atomic() -> Any:
    """When the store fails, one shard's record may be there without the others'."""
    append, random = RecordingJournal.append, Random(0)

    async def torn(self: RecordingJournal, records: Sequence[Record]) -> None:
        if len(records) > 1 and random.random() < 0.3:
            self.about = None
            await append(self, records[:1])
            raise JournalUnavailable("torn")
        await append(self, records)

    return patch.object(RecordingJournal, "append", torn)


def _overwrite(self: Shard, home: int, number: int, part: Part) -> None:
    self.inbox(home).parts[number] = part


@contextmanager
def repeated_messages_are_taken_again() -> Iterator[None]:
    """A participant does not look whether it has answered this question before."""

    def on_question(self: Travel, shard: Shard, question: Reserve | Credit) -> None:
        part = self._take(shard, question)
        self._outbox.append(Vote(question.home, shard.number, question.number, part.result, part.where, part.as_of))

    with patch.object(Travel, "_on_question", on_question), patch.object(Shard, "_remember", _overwrite):
        yield


@contextmanager
def late_copies_are_taken_for_new_questions() -> Iterator[None]:
    """A participant remembers what is open, but not what it has cleared."""

    def on_question(self: Travel, shard: Shard, question: Reserve | Credit) -> None:
        self._clear(shard, question.home, question.below, at_least=1)
        part = shard.inbox(question.home).parts.get(question.number) or self._take(shard, question)
        self._outbox.append(Vote(question.home, shard.number, question.number, part.result, part.where, part.as_of))

    with patch.object(Travel, "_on_question", on_question), patch.object(Shard, "_remember", _overwrite):
        yield


def fingerprints_are_not_compared() -> Any:
    """Any body under a used key gets the first one's answer."""
    replay = Ledger.replay

    def trusting(self: Ledger, outcome: bytes, fingerprint: bytes, shard: Shard) -> Any:
        return replay(self, outcome, unpack_outcome(outcome)[0], shard)

    return patch.object(Ledger, "replay", trusting)


def recovery_skips_the_last_event() -> Any:
    """A record is replayed without its last event, if it has several."""

    def shortened(payload: bytes) -> list[e.AnyEvent]:
        events = decode_events(payload)
        return events[:-1] if len(events) > 1 else events

    return patch("processor.recovery.decode_events", shortened)


def reads_are_not_confirmed() -> Any:
    """A host answers reads without asking whether it is still the owner."""

    async def confirm(self: StoreConnection, epochs: Sequence[tuple[int, int]]) -> None:
        return

    return patch.object(StoreConnection, "confirm", confirm)


def lost_shards_are_not_claimed_again() -> Any:
    """A host that has halted leaves what is above its share in the table, where nobody else may touch it."""

    def careless(me: str, hosts: Any, shards: Any, held: Any) -> Any:
        steps = plan(me, hosts, shards, held)
        alive = [host for host in hosts if host.alive]
        quota = -(-len(shards) // max(1, len(alive)))
        return steps._replace(claim=steps.claim[: max(0, quota - len(held))])

    return patch("actors.ownership.plan", careless)


def messages_leave_before_the_append() -> Any:
    """Other hosts hear of what is not durable yet."""
    reset = CommitLoop._reset

    def careless(self: CommitLoop) -> None:
        reset(self)
        seal = self._ledger.seal

        def send_at_once() -> Any:
            turn = seal()
            if turn.outbox:
                self._send(turn.outbox)
            return msgspec.structs.replace(turn, outbox=[])

        self._ledger.seal = send_at_once  # type: ignore[method-assign]

    return patch.object(CommitLoop, "_reset", careless)


@contextmanager
def only_the_first_leg_is_checked_for_funds() -> Iterator[None]:
    """The floor of an account is not looked at from the second leg on."""

    def careless(legs: Any, is_here: Any, lookup: Any, although_frozen: bool = False) -> Any:
        checked = []

        def first_only(account: Account, amount: int) -> Result:
            checked.append(account)
            return debit_problem(account, amount) if len(checked) == 1 else Result.ACCEPTED

        with patch("processor.core.legs.debit_problem", first_only):
            return plan_holds(legs, is_here, lookup, although_frozen)

    with patch("processor.core.ledger.plan_holds", careless), patch("processor.core.travel.plan_holds", careless):
        yield


def refusals_are_forgotten() -> Any:
    """A refused key may be used again."""

    def apply_refused(self: Shard, event: e.Refused) -> None:
        return

    return patch.object(Shard, "_apply_refused", apply_refused)


def reserved_money_is_spent_again() -> Any:
    """What a travelling payment has reserved counts as available."""

    def hold(self: Shard, holds: Sequence[e.Hold], sign: int) -> None:
        for each in holds:
            self.accounts[each.account].version += 1

    return patch.object(Shard, "reserve", hold)


def unanswered_questions_are_not_asked_again() -> Any:
    """What is lost on the way stays lost."""
    return patch("processor.core.travel.ASK_AGAIN_MICROSECONDS", 10**15)


def canary() -> Any:
    """The judge itself is wrong: every credit is one unit too much in its books."""
    post = ReferenceLedger.post

    def generous(self: ReferenceLedger, legs: Any, is_ours: Any = lambda account: True) -> list[tuple[Side, int]]:
        posted = post(self, legs, is_ours)
        for side, _ in posted:
            self.accounts[side.account].posted += side.amount > 0
        return posted

    return patch.object(ReferenceLedger, "post", generous)


FAULTS: list[Fault] = [
    writers_are_not_fenced,
    answers_come_before_the_append,
    snapshots_forget_the_keys,
    appends_are_not_atomic,
    repeated_messages_are_taken_again,
    late_copies_are_taken_for_new_questions,
    fingerprints_are_not_compared,
    recovery_skips_the_last_event,
    reads_are_not_confirmed,
    lost_shards_are_not_claimed_again,
    messages_leave_before_the_append,
    only_the_first_leg_is_checked_for_funds,
    refusals_are_forgotten,
    reserved_money_is_spent_again,
    unanswered_questions_are_not_asked_again,
    canary,
]
