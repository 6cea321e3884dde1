"""The auditor follows the journal, compares what others say of the record it is of, and finds what does not agree."""

from collections.abc import Collection, Mapping, Sequence

import pytest

from processor.audit import auditor as module
from processor.audit.auditor import Auditor, Balances
from processor.audit.store import AuditRow
from processor.core.messages import Hold, Leg
from processor.core.routing import shard_of
from processor.journal.memory import MemoryJournal
from processor.journal.record import NO_HASH, Record
from processor.recovery import recover, take_snapshot
from tests.cluster import Cluster, account_on, digest

pytestmark = pytest.mark.anyio
SHARDS = 2


class Rows:
    """Keeps what the auditor writes down."""

    def __init__(self) -> None:
        self.rows: list[AuditRow] = []

    async def save(self, rows: list[AuditRow], told: Collection[int] = ()) -> set[int]:
        there = {row.shard for row in self.rows}
        removed = {shard for shard in told if shard not in there}
        self.rows = [row for row in rows if row.shard not in removed]
        return removed

    def divergences(self) -> list[str]:
        """Return what was found."""
        return [row.divergence for row in self.rows if row.divergence is not None]


class Replayed:
    """Somebody who says what a replay of the journal says, or `shift` more."""

    def __init__(self, journal: MemoryJournal, shift: int = 0) -> None:
        self.journal = journal
        self.shift = shift

    async def testify(self, shard: int, accounts: Sequence[str]) -> Mapping[str, tuple[int, Balances]]:
        state, _ = await recover(self.journal, shard)
        found = {name: state.accounts[name] for name in accounts if name in state.accounts}
        return {
            name: (state.sequence, (account.posted + self.shift, account.pending_out, account.pending_in))
            for name, account in found.items()
        }


async def journal_of(cluster: Cluster) -> MemoryJournal:
    """Return a real journal that holds the cluster's records."""
    journal = MemoryJournal(cluster.shards)
    for shard in range(cluster.shards):
        await journal.claim(shard, 0, "host")
    await extend(journal, cluster)
    return journal


async def extend(journal: MemoryJournal, cluster: Cluster) -> None:
    """Append what the cluster has written since."""
    for shard, stream in enumerate(cluster.journal):
        head = await journal.head(shard)
        previous = head.hash if head.sequence else NO_HASH
        for sealed in stream[head.sequence :]:
            record = Record(shard, 1, sealed.sequence, sealed.at, previous, sealed.payload)
            await journal.append([record])
            previous = record.hash()


def busy_cluster() -> tuple[Cluster, str, str]:
    """Return a cluster with a payment and a hold between two shards."""
    cluster = Cluster(SHARDS, 1)
    world, alice = account_on(0, SHARDS), account_on(1, SHARDS)
    cluster.open(world, min_balance=None)
    cluster.open(alice)
    cluster.pay("fund", Leg(world, alice, 1_000, "EUR"))
    return cluster, world, alice


async def audited(journal: MemoryJournal, shift: int = 0) -> tuple[Auditor, Rows]:
    """Return an auditor of the journal, with one witness, that has not begun yet."""
    return await audited_by(journal, Replayed(journal, shift))


async def audited_by(journal: MemoryJournal, witness: Replayed) -> tuple[Auditor, Rows]:
    """Return the same with this witness."""

    async def positions() -> dict[int, int]:
        return {}

    rows = Rows()
    return Auditor(journal, rows, {"the witness": witness}, positions, 1.0), rows


async def test_it_reads_everything_and_finds_nothing_wrong_with_what_is_right() -> None:
    cluster, _, _ = busy_cluster()
    journal = await journal_of(cluster)
    auditor, rows = await audited(journal)
    await auditor.round()
    assert [row.sequence for row in rows.rows] == [(await journal.head(shard)).sequence for shard in range(SHARDS)]
    cluster.pay("more", Leg(account_on(1, SHARDS), account_on(0, SHARDS), 5, "EUR"))
    await extend(journal, cluster)
    await auditor.round()
    await auditor.round()
    assert sum(row.compared for row in rows.rows) > 0
    assert rows.divergences() == []


async def test_a_witness_that_differs_by_one_cent_is_found() -> None:
    cluster, _, _ = busy_cluster()
    journal = await journal_of(cluster)
    auditor, rows = await audited(journal, shift=1)
    await auditor.round()
    await auditor.round()
    assert any("the witness has account" in found for found in rows.divergences())


async def test_a_divergence_whose_row_was_removed_is_forgotten_and_found_again_only_if_it_is_still_there() -> None:
    cluster, _, _ = busy_cluster()
    journal = await journal_of(cluster)
    witness = Replayed(journal, shift=1)
    auditor, rows = await audited_by(journal, witness)
    for _ in range(3):
        await auditor.round()
    assert len(rows.divergences()) == SHARDS
    witness.shift = 0
    rows.rows = [row for row in rows.rows if row.shard != 0]
    for _ in range(3):
        await auditor.round()
    assert [row.divergence is None for row in sorted(rows.rows, key=lambda row: row.shard)] == [True, False]
    witness.shift = 1
    for _ in range(3):
        await auditor.round()
    assert len(rows.divergences()) == SHARDS


async def test_a_record_that_does_not_follow_is_found_and_stays_the_first_divergence() -> None:
    cluster, world, alice = busy_cluster()
    cluster.ledgers[0].shards[1].accounts[alice].posted += 7  # The host's memory lies, so what it writes does.
    cluster.audit.append = lambda *_: None  # type: ignore[method-assign]
    cluster.pay("lie", Leg(alice, world, 1, "EUR"))
    journal = await journal_of(cluster)
    auditor, rows = await audited(journal)
    await auditor.round()
    (found,) = rows.divergences()
    assert "shard 1: the journal breaks after record" in found


async def test_a_hold_that_is_released_by_time_before_its_time_is_found() -> None:
    cluster, world, alice = busy_cluster()
    cluster.audit.append = lambda *_: None  # type: ignore[method-assign]
    cluster.ask(Hold(shard_of(alice, SHARDS), digest("h"), digest("f"), (Leg(alice, world, 10, "EUR"),), 60_000_000))
    ledger = cluster.ledgers[0]
    ledger.operations._due = [(0, number, key) for _, number, key in ledger.operations._due]
    cluster.turn(0)
    auditor, rows = await audited(await journal_of(cluster))
    await auditor.round()
    assert any("expires too early" in found for found in rows.divergences())


async def test_it_goes_on_from_the_newest_snapshot() -> None:
    cluster, _, _ = busy_cluster()
    journal = await journal_of(cluster)
    for shard in range(SHARDS):
        await take_snapshot(journal, shard)
    heads = [(await journal.head(shard)).sequence for shard in range(SHARDS)]
    cluster.pay("more", Leg(account_on(1, SHARDS), account_on(0, SHARDS), 5, "EUR"))
    await extend(journal, cluster)
    auditor, rows = await audited(journal)
    await auditor.round()
    assert [row.since for row in rows.rows] == heads
    assert [row.sequence for row in rows.rows] == [head + 1 for head in heads]
    assert rows.divergences() == []


async def test_it_does_not_overtake_a_read_model_that_keeps_up(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = busy_cluster()
    journal = await journal_of(cluster)
    auditor, rows = await audited(journal)

    async def positions() -> dict[int, int]:
        return {0: 1, 1: 2}

    monkeypatch.setattr(auditor, "_positions", positions)
    await auditor.round()
    assert [row.sequence for row in rows.rows] == [1, 2]
    monkeypatch.setattr(module, "LAG_MAX", 0)
    await auditor.round()
    assert [row.sequence for row in rows.rows] == [(await journal.head(shard)).sequence for shard in range(SHARDS)]
