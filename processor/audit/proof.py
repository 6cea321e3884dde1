"""The proof: recompute everything from the journal alone, and compare it with what else claims to be the ledger.

What is checked, per shard and record: checksum, hash chain, density, epochs that never fall, balances as every event says,
debits above `min_balance`, holds used and expired in their time, refunds within what was captured, one effect per idempotency
key, and sums that are zero. Then: the newest snapshot, byte for byte; the live state's digest and the read model's tables, if
they are given; and over all shards, that every debit towards another shard has exactly one credit there, and every hold its
counterpart.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import msgspec

from processor.audit.problems import Problems
from processor.audit.shard_audit import ShardAudit, ShardProof
from processor.audit.tables import ShardTables
from processor.core import events as e
from processor.core.ensure import Broken
from processor.core.invariants import held_violations, transit_violations, violations
from processor.core.payment import Payment
from processor.core.shard import Shard
from processor.journal.choice import AtOnce
from processor.journal.interface import Head, Journal, JournalCorrupt, Snapshot
from processor.journal.record import Record
from processor.projections.archived_payment import payment_in_journal

LiveDigests = Mapping[int, tuple[int, bytes]]
"""shard -> (sequence, digest of the state at that sequence), as the shard hosts tell."""


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

    def observe_all(self, record: Record, events: Sequence[e.AnyEvent]) -> None:
        """Take note of a record's events."""
        for index, event in enumerate(events):
            self._observe(record, index, event)

    def _observe(self, record: Record, index: int, event: e.AnyEvent) -> None:
        if isinstance(event, e.PaidOut):
            place = (record.shard, record.sequence, index)
            self.balance += hash((place, event.other, event.to_account, event.amount, event.currency))
        elif isinstance(event, e.PaidIn):
            place = (event.home, event.home_sequence, event.home_index)
            self.balance -= hash((place, record.shard, event.to_account, event.amount, event.currency))


async def verify(
    journal: Journal,
    live: LiveDigests | None = None,
    tables: Mapping[int, ShardTables] | None = None,
    progress: Callable[[int], None] = lambda records: None,
) -> Proof:
    """Replay the whole journal and return the proof.

    `live` and `tables` should have been read just before: records after them are replayed too. `progress` is called with the
    number of records read since the last call. Raises JournalUnavailable.

    All shards are read up to one moment, so that payments may go on: else a payment that comes to its end while one shard after another
    is read would be seen by one of its two shards alone.
    """
    started = perf_counter()
    ends = await _ends(journal)
    problems = Problems()
    pairs = _Pairs()
    audits = []
    for head in ends:
        number = head.shard
        look = _Look(await journal.latest_snapshot(number), (live or {}).get(number), (tables or {}).get(number))
        audits.append(await _verify_shard(journal, head, look, pairs, problems, progress))
    states = [audit.state for audit in audits]
    open_transfers = sum(len(state.transfers) for state in states)
    if not open_transfers and not problems.count:
        for problem in (*transit_violations(states), *held_violations(states)):
            problems.report(problem)
        if pairs.balance:
            problems.report("some money that left one shard for another did not arrive there exactly once")
    currencies = _currencies(states)
    for currency, (posted, in_transit, _) in currencies.items():
        if posted + in_transit:
            problems.report(f"{currency}: posted {posted} and in transit {in_transit} do not sum to zero")
    proofs = [audit.proof for audit in audits]
    return Proof(proofs, currencies, problems.texts, open_transfers, perf_counter() - started)


async def _ends(journal: Journal) -> list[Head]:
    """Return the records up to which to read: of one moment, or of nearly one where the store cannot tell."""
    if isinstance(journal, AtOnce):
        return await journal.heads_at_once()
    return list(await asyncio.gather(*(journal.head(shard) for shard in range(await journal.shard_count()))))


class _Look(msgspec.Struct):
    """What one shard's replay is compared with on its way."""

    snapshot: Snapshot | None
    live: tuple[int, bytes] | None
    tables: ShardTables | None

    def compare(self, audit: ShardAudit, record: Record, problems: Problems) -> None:
        """Compare what is of this record."""
        state, proof, number = audit.state, audit.proof, record.shard
        if self.snapshot is not None and self.snapshot.sequence == record.sequence:
            proof.snapshot = record.sequence
            # Written by another version it may lack fields that have a default: read, and written again, they are there.
            if Shard.decode(self.snapshot.state).encode() != state.encode():
                problems.report(f"shard {number}: the snapshot at {record.sequence} differs from the replay")
        if self.live is not None and self.live[0] == record.sequence:
            proof.live = record.sequence
            if state.digest() != self.live[1]:
                problems.report(f"shard {number}: the live state at {record.sequence} differs from the replay")
        if self.tables is not None and self.tables.position == record.sequence and audit.sums is not None:
            proof.tables = record.sequence
            for difference in self.tables.differences(state, audit.sums.copy()):
                problems.report(difference)

    def compare_end(self, audit: ShardAudit, problems: Problems) -> None:
        """Report what claims to be further than the journal."""
        end, number = audit.proof.sequence, audit.proof.shard
        if self.live is not None and self.live[0] > end:
            problems.report(f"shard {number}: its host is at {self.live[0]}, the journal ends at {end}")
        if self.tables is not None and self.tables.position > end:
            problems.report(f"shard {number}: the tables are at {self.tables.position}, the journal ends at {end}")


async def _verify_shard(
    journal: Journal, head: Head, look: _Look, pairs: _Pairs, problems: Problems, progress: Callable[[int], None]
) -> ShardAudit:
    number = head.shard
    audit = ShardAudit(Shard(number, await journal.shard_count()), problems, thorough=True)
    try:
        async for record in journal.read(number, 0, head.sequence):
            pairs.observe_all(record, audit.take(record))
            progress(1)
            look.compare(audit, record, problems)
    except (JournalCorrupt, Broken) as error:
        problems.report(f"shard {number}: the journal breaks after record {audit.proof.sequence}: {error}")
        return audit
    if audit.proof.sequence < head.sequence:
        problems.report(f"shard {number}: the journal ends at {audit.proof.sequence}, its head is at {head.sequence}")
    look.compare_end(audit, problems)
    for sequence, payment in audit.recalled:
        await check_recalled(journal, number, sequence, payment, problems)
    for problem in violations(audit.state):
        problems.report(problem)
    audit.count()
    return audit


async def check_recalled(journal: Journal, shard: int, sequence: int, payment: Payment, problems: Problems) -> None:
    """Report a payment that was read back into memory with other legs than it was made with."""
    place = (payment.at, payment.sequence, payment.index)
    made = await payment_in_journal(journal, shard, place)
    if made is None or (made.legs, made.expires_at) != (payment.legs, payment.expires_at):
        problems.report(f"shard {shard}, record {sequence}: a payment was read back that was never made so at {place}")


def _currencies(states: list[Shard]) -> dict[str, tuple[int, int, int]]:
    sums: dict[str, tuple[int, int, int]] = {}
    for state in states:
        counts = Counter(account.currency for account in state.accounts.values())
        for currency, posted in state.posted.items():
            transit = sum(sent.get(currency, 0) for sent in state.transit.values())
            before = sums.get(currency, (0, 0, 0))
            sums[currency] = (before[0] + posted, before[1] + transit, before[2] + counts[currency])
    return dict(sorted(sums.items()))
