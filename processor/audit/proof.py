"""The proof: recompute everything from the journal alone, and compare it with what else claims to be the ledger.

What is checked, per shard and record: checksum, hash chain, density, epochs that never fall, balances as every event says,
debits above `min_balance`, one effect per idempotency key, and sums that are zero. Then: the newest snapshot, byte for byte;
the live state's digest, if it is given; and over all shards, that every debit towards another shard has exactly one credit
there.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from time import perf_counter

import msgspec

from processor.core import events as e
from processor.core.ensure import Broken
from processor.core.invariants import sum_violations, transit_violations, violations
from processor.core.shard import Shard
from processor.history import postings
from processor.journal.interface import Journal, JournalCorrupt
from processor.journal.record import Record

PROBLEMS_MAX = 100
"""How many problems are listed before the rest is only counted."""

_PAYMENTS = (e.Paid, e.PaidOut, e.PaidLegs, e.Reserved)
_WITH_KEY = (*_PAYMENTS, e.Refused)

LiveDigests = Mapping[int, tuple[int, bytes]]
"""shard -> (sequence, digest of the state at that sequence), as the shard hosts tell."""


class ShardProof(msgspec.Struct):
    """What the replay of one shard came to. `live` and `snapshot`: the sequence at which they were compared, or None."""

    shard: int
    sequence: int = 0
    hash: bytes = bytes(32)
    epoch: int = 0
    events: int = 0
    payments: int = 0
    refusals: int = 0
    accounts: int = 0
    keys: int = 0
    snapshot: int | None = None
    live: int | None = None


class Proof(msgspec.Struct):
    """The result. It holds if `problems` is empty. `currencies`: currency -> (posted, in transit, accounts)."""

    shards: list[ShardProof]
    currencies: dict[str, tuple[int, int, int]]
    problems: list[str]
    open_transfers: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether everything agrees."""
        return not self.problems


class _Pairs:
    """Sums of what went out to and came in from other shards, by the legs' hashes: zero if each has its counterpart."""

    def __init__(self) -> None:
        self.balance = 0

    def observe(self, record: Record, index: int, event: e.AnyEvent) -> None:
        """Take note of one event."""
        if isinstance(event, e.PaidOut):
            place = (record.shard, record.sequence, index)
            self.balance += hash((place, event.other, event.to_account, event.amount, event.currency))
        elif isinstance(event, e.PaidIn):
            place = (event.home, event.home_sequence, event.home_index)
            self.balance -= hash((place, record.shard, event.to_account, event.amount, event.currency))


async def verify(
    journal: Journal, live: LiveDigests | None = None, progress: Callable[[int], None] = lambda records: None
) -> Proof:
    """Replay the whole journal and return the proof. `live` should have been read just before: records after it are replayed too.

    `progress` is called with the number of records read since the last call. Raises JournalUnavailable.
    """
    started = perf_counter()
    problems: list[str] = []
    pairs = _Pairs()
    proofs: list[ShardProof] = []
    states: list[Shard] = []
    for number in range(await journal.shard_count()):
        proof, state = await _verify_shard(journal, number, (live or {}).get(number), pairs, problems, progress)
        proofs.append(proof)
        states.append(state)
    open_transfers = sum(len(state.transfers) for state in states)
    if not open_transfers and not problems:
        problems += transit_violations(states)
        if pairs.balance:
            problems.append("some money that left one shard for another did not arrive there exactly once")
    currencies = _currencies(states)
    for currency, (posted, in_transit, _) in currencies.items():
        if posted + in_transit:
            problems.append(f"{currency}: posted {posted} and in transit {in_transit} do not sum to zero")
    return Proof(proofs, currencies, problems, open_transfers, perf_counter() - started)


async def _verify_shard(
    journal: Journal,
    number: int,
    live: tuple[int, bytes] | None,
    pairs: _Pairs,
    problems: list[str],
    progress: Callable[[int], None],
) -> tuple[ShardProof, Shard]:
    state = Shard(number, await journal.shard_count())
    proof = ShardProof(number)
    snapshot = await journal.latest_snapshot(number)
    try:
        async for record in journal.read(number, 0):
            _replay(state, record, proof, pairs, problems)
            progress(1)
            if snapshot is not None and snapshot.sequence == record.sequence:
                proof.snapshot = record.sequence
                if state.encode() != snapshot.state:
                    _report(problems, f"shard {number}: the snapshot at {record.sequence} differs from the replay")
            if live is not None and live[0] == record.sequence:
                proof.live = record.sequence
                if state.digest() != live[1]:
                    _report(problems, f"shard {number}: the live state at {record.sequence} differs from the replay")
    except (JournalCorrupt, Broken) as error:
        _report(problems, f"shard {number}: the journal breaks after record {proof.sequence}: {error}")
        return proof, state
    if live is not None and live[0] > proof.sequence:
        _report(problems, f"shard {number}: its host is at {live[0]}, the journal ends at {proof.sequence}")
    for problem in violations(state):
        _report(problems, problem)
    proof.accounts, proof.keys = len(state.accounts), len(state.outcomes)
    return proof, state


def _replay(state: Shard, record: Record, proof: ShardProof, pairs: _Pairs, problems: list[str]) -> None:
    where = f"shard {record.shard}, record {record.sequence}"
    if record.epoch < proof.epoch:
        _report(problems, f"{where}: epoch {record.epoch} after {proof.epoch}: a replaced writer was let in")
    events = e.decode_events(record.payload)
    keys = Counter(event.key for event in events if isinstance(event, _WITH_KEY))
    for key, count in keys.items():
        if count > 1 or key in state.outcomes:
            _report(problems, f"{where}: idempotency key {key.hex()} takes effect twice")
    for index, event in enumerate(events):
        pairs.observe(record, index, event)
        proof.payments += isinstance(event, _PAYMENTS)
        proof.refusals += isinstance(event, e.Refused)
    state.replay(record.sequence, record.at, events)
    for account, amount, posted in postings(events):
        floor = state.accounts[account].min_balance
        if amount < 0 and floor is not None and posted < floor:
            _report(problems, f"{where}: account {account} went to {posted}, below its min_balance {floor}")
    for problem in sum_violations(state):
        _report(problems, f"{where}: {problem}")
    proof.sequence, proof.hash, proof.epoch = record.sequence, record.hash(), record.epoch
    proof.events += len(events)


def _currencies(states: list[Shard]) -> dict[str, tuple[int, int, int]]:
    sums: dict[str, tuple[int, int, int]] = {}
    for state in states:
        counts = Counter(account.currency for account in state.accounts.values())
        for currency, posted in state.posted.items():
            transit = sum(sent.get(currency, 0) for sent in state.transit.values())
            before = sums.get(currency, (0, 0, 0))
            sums[currency] = (before[0] + posted, before[1] + transit, before[2] + counts[currency])
    return dict(sorted(sums.items()))


def _report(problems: list[str], problem: str) -> None:
    if len(problems) < PROBLEMS_MAX:
        problems.append(problem)
    elif len(problems) == PROBLEMS_MAX:
        problems.append("and more")
