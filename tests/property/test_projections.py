"""After any history the read model's rows say what the shards themselves know, and the archive gives back what they forget."""

import asyncio

import pytest

from processor.core import events as e
from processor.core.recall import OutcomeFact, PaymentFact, Recall
from processor.core.shard import OPEN, Shard, unpack_outcome
from processor.journal.memory import MemoryJournal
from processor.journal.record import Record
from processor.projections.fold import Fold, accounts_to_know
from processor.projections.memory import Memory
from processor.projections.memory_archive import MemoryArchive
from processor.projections.rows import Rows
from tests.cluster import Cluster
from tests.property.histories import SHARDS, lived, records_of

SEEDS = range(4)


async def archived(cluster: Cluster) -> MemoryArchive:
    """Return the archive of a real journal that holds the cluster's records."""
    journal = MemoryJournal(cluster.shards)
    for shard in range(cluster.shards):
        await journal.claim(shard, 0, "host")
        for record in records_of(cluster, shard):
            await journal.append([record])
    archive = MemoryArchive(journal)
    await archive.advance()
    return archive


def folded(records: list[Record], shard: int) -> tuple[Rows, Memory]:
    """Return all rows of one shard, made in one go, and what the fold remembers in the end."""
    rows, memory = Rows(), Memory({}, {})
    fold = Fold(shard, memory, rows)
    posted: dict[str, int] = {}
    for record in records:
        events = e.decode_events(record.payload)
        memory.learn({account: posted.get(account, 0) for account in accounts_to_know(events, memory)})
        fold.take(record.sequence, record.at, events)
        posted |= {row[0]: row[6] for row in rows.entries}
    return rows, memory


def test_the_histories_hold_every_kind_of_event_that_hosts_write() -> None:
    told: set[type] = set()
    for seed in SEEDS:
        cluster = lived(seed)
        records = [record for shard in range(SHARDS) for record in records_of(cluster, shard)]
        told |= {type(event) for record in records for event in e.decode_events(record.payload)}
    assert told == set(e.AnyEvent.__args__) - {e.Fence}  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_say_what_the_shards_know(seed: int) -> None:
    cluster = lived(seed)
    for shard in cluster.all_shards():
        rows, memory = folded(records_of(cluster, shard.number), shard.number)
        newest = {row[0]: (row[6], row[7], row[8]) for row in rows.entries}
        known = {account.id: (account.posted, account.pending_out, account.pending_in) for account in shard.accounts.values()}
        assert {account: newest.get(account, (0, 0, 0)) for account in known} == known
        assert {name: (row[7], row[8], row[9]) for name, row in rows.accounts.items()} == {
            account.id: (account.status, account.pending_out, account.pending_in) for account in shard.accounts.values()
        }
        assert len({row[:4] for row in rows.entries}) == len(rows.entries)
        assert not memory.transfers
        assert not rows.transfers


@pytest.mark.parametrize("seed", SEEDS)
def test_the_archive_knows_all_that_the_shards_know_and_have_forgotten(seed: int) -> None:
    asyncio.run(check_archive(lived(seed)))


async def check_archive(cluster: Cluster) -> None:
    """Compare the archive with what shards remember, and with all keys that the journal holds."""
    archive = await archived(cluster)
    forgotten = 0
    for shard in cluster.all_shards():
        remembered = shard.earlier | shard.outcomes
        for key, outcome in remembered.items():
            assert unpack_outcome(outcome)[5] != OPEN
            assert await archive.recall([Recall(shard.number, key=key)]) == [
                OutcomeFact(shard.number, key, outcome, shard.sequence)
            ]
        for payment in shard.payments.values():
            place = (payment.at, payment.sequence, payment.index)
            [fact] = await archive.recall([Recall(shard.number, place=place)])
            assert isinstance(fact, PaymentFact)
            assert fact.payment is not None
            assert fact.payment.view() == payment.view()
        forgotten += len(keys_of(cluster, shard) - remembered.keys())
        for key in keys_of(cluster, shard) - remembered.keys():
            [fact] = await archive.recall([Recall(shard.number, key=key)])
            assert isinstance(fact, OutcomeFact)
            assert fact.outcome is not None
    assert forgotten > 0


def keys_of(cluster: Cluster, shard: Shard) -> set[bytes]:
    """Return all keys that the shard's journal holds."""
    events = [event for record in records_of(cluster, shard.number) for event in e.decode_events(record.payload)]
    return {event.key for event in events if getattr(event, "key", None) is not None}  # type: ignore[union-attr, misc]
