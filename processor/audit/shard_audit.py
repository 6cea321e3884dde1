"""One shard's journal, read record by record and held against the rules, with a state of its own that comes from replay alone."""

from collections import Counter

import msgspec

from processor.audit.problems import Problems
from processor.audit.sums import Sums
from processor.core import events as e
from processor.core.invariants import sum_violations
from processor.core.messages import Kind
from processor.core.payment import Payment, place_key
from processor.core.results import Result
from processor.core.shard import Shard
from processor.history import postings
from processor.journal.record import Record

PAYMENTS = (e.Paid, e.PaidOut, e.PaidLegs, e.Reserved, e.Held)
WITH_KEY = (*PAYMENTS, e.Refused, e.Captured, e.Released, e.Refunded, e.RefundReserved)
_GIVEN_UP = int(Result.SHARD_UNAVAILABLE)
_LATER = (e.Captured, e.Released, e.Refunded, e.RefundReserved)

Tally = tuple[tuple[int, ...], tuple[int, ...]]
"""What was captured and what was refunded of each leg."""


class ShardProof(msgspec.Struct):
    """What the replay of one shard came to. `live`, `snapshot` and `tables`: the sequence at which they were compared, or None.

    `operations` are captures, voids, expiries, refunds and reversals.
    """

    shard: int
    sequence: int = 0
    hash: bytes = bytes(32)
    epoch: int = 0
    events: int = 0
    payments: int = 0
    operations: int = 0
    refusals: int = 0
    accounts: int = 0
    keys: int = 0
    snapshot: int | None = None
    live: int | None = None
    tables: int | None = None


class ShardAudit:
    """Takes the records of one shard in order. Whatever is wrong goes to `problems`.

    A thorough one begins with the first record, remembers every key and sums up what the read model should have. The other kind
    may begin anywhere and go on for ever: of keys it knows those that are in the state's memory.
    `recalled`: payments that the shard had to read back, to be compared with the journal by who can read it.
    """

    def __init__(self, state: Shard, problems: Problems, thorough: bool) -> None:
        self.state = state
        self.proof = ShardProof(state.number, state.sequence)
        self.sums = Sums() if thorough else None
        self.recalled: list[tuple[int, Payment]] = []
        self._problems = problems
        self._keys: set[bytes] | None = set() if thorough else None
        self._tallies: dict[int, Tally] = {}

    def take(self, record: Record) -> list[e.AnyEvent]:
        """Check one record, apply it, and return its events. Raises Broken if it does not follow from those before."""
        proof, state = self.proof, self.state
        where = f"shard {record.shard}, record {record.sequence}"
        if record.epoch < proof.epoch:
            self._problems.report(f"{where}: epoch {record.epoch} after {proof.epoch}: a replaced writer was let in")
        events = e.decode_events(record.payload)
        self._check_keys(where, events)
        self._check_times(where, record.at, events)
        if self.sums is not None:
            self.sums.take(record, events)
        state.replay(record.sequence, record.at, events)
        self._check_balances(where, events)
        for event in events:
            proof.payments += isinstance(event, PAYMENTS)
            proof.operations += isinstance(event, _LATER)
            proof.refusals += isinstance(event, e.Refused)
            self._note(record.sequence, event)
        for problem in sum_violations(state):
            self._problems.report(f"{where}: {problem}")
        proof.sequence, proof.hash, proof.epoch = record.sequence, record.hash(), record.epoch
        proof.events += len(events)
        return events

    def count(self) -> None:
        """Fill in what only the end tells."""
        state = self.state
        in_memory = len(state.outcomes) + len(state.earlier)
        self.proof.accounts = len(state.accounts)
        self.proof.keys = len(self._keys) if self._keys is not None else in_memory

    def _check_keys(self, where: str, events: list[e.AnyEvent]) -> None:
        counts = Counter(event.key for event in events if isinstance(event, WITH_KEY) and event.key is not None)
        freed = {
            self.state.transfers[event.number].key
            for event in events
            if isinstance(event, e.Decided) and event.result == _GIVEN_UP and event.number in self.state.transfers
        }
        if self._keys is not None:
            self._keys -= freed  # Nobody was told an outcome: the key may be sent again.
        for key, count in counts.items():
            is_known = key in self.state.outcomes or key in self.state.earlier if self._keys is None else key in self._keys
            if count > 1 or (is_known and key not in freed):
                self._problems.report(f"{where}: idempotency key {key.hex()} takes effect twice")
            if self._keys is not None:
                self._keys.add(key)

    def _check_times(self, where: str, at: int, events: list[e.AnyEvent]) -> None:
        """A hold is captured or voided before its time, and expires not before it."""
        for event in events:
            if not isinstance(event, e.Captured | e.Released):
                continue
            payment = self.state.payments.get(place_key(event.sequence, event.index))
            if payment is None or payment.expires_at is None:
                continue  # Made in this record, or not at all, which replay will find.
            is_over = payment.expires_at <= at
            expires = isinstance(event, e.Released) and event.kind == Kind.EXPIRY
            if is_over != expires:
                done = "expires too early" if expires else "is used after its time"
                self._problems.report(f"{where}: the hold {event.sequence}:{event.index} {done}")

    def _check_balances(self, where: str, events: list[e.AnyEvent]) -> None:
        for account, amount, posted in postings(events):
            floor = self.state.accounts[account].min_balance
            if amount < 0 and floor is not None and posted < floor:
                self._problems.report(f"{where}: account {account} went to {posted}, below its min_balance {floor}")

    def _note(self, sequence: int, event: e.AnyEvent) -> None:
        """Keep what a payment came to, so that what memory reads back later can be compared with it."""
        if isinstance(event, e.Captured | e.Released | e.Refunded):
            self._tallies[place_key(event.sequence, event.index)] = (event.captured, event.refunded)
        elif isinstance(event, e.Decided) and event.about is not None:
            assert event.captured is not None
            assert event.refunded is not None
            self._tallies[place_key(*event.about[1:])] = (event.captured, event.refunded)
        elif isinstance(event, e.Recalled):
            payment = event.payment
            known = self._tallies.get(payment.key)
            if known is not None and known != (payment.captured, payment.refunded):
                self._problems.report(
                    f"shard {self.state.number}, record {sequence}: payment {payment.sequence}:{payment.index} was read back"
                    f" as {payment.captured} captured and {payment.refunded} refunded where the journal says {known}"
                )
            self.recalled.append((sequence, payment))
