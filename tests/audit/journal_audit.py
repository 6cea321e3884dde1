"""Reads a journal in the order in which it was written, and holds every event against the reference ledger.

Balances are worked out from what clients asked for, never from what events say; the events must agree.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from processor.core import events as e
from processor.core.invariants import sum_violations
from processor.core.messages import Leg
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.shard import Shard
from tests.audit.travels import Travel, Travels, must
from tests.model.reference_ledger import ReferenceLedger, Verdict


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
    """How a payment ended: the place of its id, and the home's record that decided."""

    fingerprint: bytes
    verdict: Verdict
    at: int
    sequence: int
    index: int
    decided_sequence: int


Balances = tuple[str, int, int, int]
"""(status, posted, pending_in, pending_out)"""

Line = tuple[str, int, int]
"""(account, signed amount, balance after)"""


@dataclass
class JournalAudit:
    """The state of the books after all records so far. `asked` says which legs stand behind a fingerprint."""

    shards: int
    asked: dict[bytes, tuple[Leg, ...]]
    model: ReferenceLedger = field(default_factory=ReferenceLedger)
    outcomes: dict[tuple[int, bytes], Outcome] = field(default_factory=dict)
    given_up: dict[tuple[int, bytes], list[Outcome]] = field(default_factory=dict)
    views: dict[str, list[tuple[int, Balances]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = [Shard(number, self.shards) for number in range(self.shards)]
        self.travels = Travels(self.model, self._shard_of)
        self._open_keys: set[tuple[int, bytes]] = set()
        self._owed: dict[tuple[int, int, int, int], tuple[Leg, ...]] = {}

    def _shard_of(self, account: str) -> int:
        return shard_of(account, self.shards)

    def append(self, records: Sequence[DurableRecord], order: Iterable[tuple[int, int]], held: Collection[int]) -> None:
        """Take one atomic append of a host that holds these shards; `order` has the (shard, index) of its events in order."""
        by_shard = {record.shard: record for record in records}
        events = {record.shard: e.decode_events(record.payload) for record in records}
        places = list(order)
        must(len(places) == sum(map(len, events.values())), "every event has its place in the order of the turn")
        for shard, index in places:
            self._event(by_shard[shard], index, events[shard][index], held)
        must(not self._owed, f"an append holds one half of a payment: {self._owed}")
        for record in records:
            state = self.states[record.shard]
            state.replay(record.sequence, record.at, events[record.shard])
            found = sum_violations(state)
            must(not found, f"after record {record.sequence}: {found}")

    def _event(self, record: DurableRecord, index: int, event: e.AnyEvent, held: Collection[int]) -> None:
        shard = record.shard
        match event:
            case e.Fence() | e.Cleared():
                pass
            case e.AccountOpened():
                terms = (event.account, event.currency, event.min_balance, event.max_balance, event.metadata)
                must(self.model.open_account(*terms) == (Result.ACCEPTED, True), f"opened twice: {event}")
                must(self._shard_of(event.account) == shard, f"opened on the wrong shard: {event}")
                self._note(event.account, record.sequence)
            case e.StatusChanged():
                must(self.model.set_status(event.account, event.status) is Result.ACCEPTED, f"not allowed: {event}")
                self._note(event.account, record.sequence)
            case e.Paid() | e.PaidOut() | e.PaidLegs():
                self._paid(record, index, event)
            case e.PaidIn() | e.PaidLegsIn():
                legs = self._owed.pop((shard, event.home, event.home_sequence, event.home_index), None)
                must(legs is not None, f"money from nowhere on shard {shard}: {event}")
                self._posted(record, self.travels.post(legs or (), shard), lines_of(event))
            case e.Refused():
                legs = self._legs(event.fingerprint)
                all_here = {self._shard_of(account) for leg in legs for account in (leg.from_account, leg.to_account)} <= set(
                    held
                )
                verdict = self.model.judge(legs) if all_here else self.model.judge(legs, self.travels.on(shard))
                said = (Result(event.result), event.where)
                must(verdict == said and said[0] is not Result.ACCEPTED, f"refused as {said}, the rules say {verdict}: {legs}")
                self._settle_key(record, index, event.key, event.fingerprint, said)
            case _:
                self._travel_event(record, index, event)

    def _paid(self, record: DurableRecord, index: int, event: e.Paid | e.PaidOut | e.PaidLegs) -> None:
        shard, legs = record.shard, self._legs(event.fingerprint)
        asked = event.legs if isinstance(event, e.PaidLegs) else (one_leg(event),)
        must(asked == legs, f"the journal says {asked} where the client asked {legs}")
        verdict = self.model.judge(legs)
        must(verdict[0] is Result.ACCEPTED, f"paid, though the rules say {verdict}: {event}")
        self._settle_key(record, index, event.key, event.fingerprint, verdict)
        touched = {self._shard_of(account) for leg in legs for account in (leg.from_account, leg.to_account)}
        for other in touched - {shard}:
            self._owed[other, shard, record.sequence, index] = legs
        self._posted(record, self.travels.post(legs, shard), lines_of(event))

    def _travel_event(self, record: DurableRecord, index: int, event: e.AnyEvent) -> None:
        shard, travels = record.shard, self.travels
        match event:
            case e.Reserved():
                must(event.legs == self._legs(event.fingerprint), f"the journal does not say what the client asked: {event}")
                self._take_key(shard, event.key)
                place = (record.at, record.sequence, index)
                participants = frozenset(event.participants)
                travels.reserve(Travel(shard, event.number, place, event.key, event.fingerprint, event.legs, participants))
                self._note_legs(event.legs, record)
            case e.Decided():
                travel, lines = travels.decide(shard, event)
                self._close_key(record, travel)
                self._posted(record, lines, lines_of(event))
                self._note_legs(travel.legs, record)
            case e.Forgotten():
                travels.forget(shard, event.number)
            case e.PartReserved():
                travels.part_reserve(shard, event)
                self._note_legs(event.legs, record)
            case e.PartRefused():
                travels.part_refuse(shard, event)
            case e.PartDecided():
                self._posted(record, travels.part_decide(shard, event), lines_of(event))
                self._note_legs(travels.known[event.home, event.number].legs, record)
            case e.Received():
                self._posted(record, travels.receive(shard, event), lines_of(event))

    def _legs(self, fingerprint: bytes) -> tuple[Leg, ...]:
        must(fingerprint in self.asked, "the journal holds a payment that nobody asked for")
        return self.asked[fingerprint]

    def _take_key(self, shard: int, key: bytes) -> None:
        must((shard, key) not in self.outcomes and (shard, key) not in self._open_keys, f"key {key!r} takes effect twice")
        self._open_keys.add((shard, key))

    def _settle_key(self, record: DurableRecord, index: int, key: bytes, fingerprint: bytes, verdict: Verdict) -> None:
        self._take_key(record.shard, key)
        self._open_keys.discard((record.shard, key))
        outcome = Outcome(fingerprint, verdict, record.at, record.sequence, index, record.sequence)
        self.outcomes[record.shard, key] = outcome

    def _close_key(self, record: DurableRecord, travel: Travel) -> None:
        assert travel.verdict is not None
        scope = (record.shard, travel.key)
        must(scope in self._open_keys, f"decided, though its key is not open: {travel}")
        self._open_keys.discard(scope)
        outcome = Outcome(travel.fingerprint, travel.verdict, *travel.place, record.sequence)
        if travel.verdict[0] is Result.SHARD_UNAVAILABLE:
            self.given_up.setdefault(scope, []).append(outcome)
        else:
            self.outcomes[scope] = outcome

    def _posted(self, record: DurableRecord, expected: Sequence[Line], said: Sequence[Line]) -> None:
        must(
            list(expected) == list(said),
            f"record {record.sequence} of shard {record.shard} says {said}, the books say {expected}",
        )
        for account, _, _ in said:
            self._note(account, record.sequence)

    def _note_legs(self, legs: tuple[Leg, ...], record: DurableRecord) -> None:
        for account in {account for leg in legs for account in (leg.from_account, leg.to_account)}:
            if account in self.model.accounts and self._shard_of(account) == record.shard:
                self._note(account, record.sequence)

    def _note(self, account: str, sequence: int) -> None:
        known = self.model.accounts[account]
        self.views.setdefault(account, []).append((sequence, (known.status, known.posted, known.held_in, known.held_out)))

    def check_books(self) -> None:
        """Compare every account of the replayed shards with the reference ledger; with nothing under way, all of them sum to zero."""
        if not self.travels.open_ones():
            must(not any(self.model.totals().values()), f"the balances sum to {self.model.totals()}")
        replayed = {account.id: account for state in self.states for account in state.accounts.values()}
        must(replayed.keys() == self.model.accounts.keys(), "the shards hold the accounts that were opened")
        for name, known in self.model.accounts.items():
            account = replayed[name]
            real = (account.status, account.posted, account.pending_in, account.pending_out)
            expected = (known.status, known.posted, known.held_in, known.held_out)
            must(real == expected, f"{name} is {real}, the books say {expected}")


def one_leg(event: e.Paid | e.PaidOut) -> Leg:
    """Return the leg that the event is about."""
    return Leg(event.from_account, event.to_account, event.amount, event.currency)


def lines_of(event: e.AnyEvent) -> list[Line]:
    """Return what the event says that it does: (account, signed amount, balance after)."""
    match event:
        case e.Paid():
            source = (event.from_account, -event.amount, event.from_posted)
            return [source, (event.to_account, event.amount, event.to_posted)]
        case e.PaidOut():
            return [(event.from_account, -event.amount, event.from_posted)]
        case e.PaidIn():
            return [(event.to_account, event.amount, event.to_posted)]
        case e.PaidLegs() | e.PaidLegsIn() | e.Decided() | e.PartDecided():
            return [(entry.account, entry.amount, entry.posted) for entry in event.entries]
        case e.Received():
            return [(event.entry.account, event.entry.amount, event.entry.posted)]
    return []
