"""Snapshots: the newest that can be trusted is found, whatever happened to the others."""

import pytest

from processor.journal.interface import Fenced, Head, Journal, Snapshot
from processor.journal.record import NO_HASH
from tests.contract.ledgers import Ledger
from tests.contract.writing import take, write

pytestmark = pytest.mark.anyio

STORES = ("memory", "postgres", "dynamodb")  # Snapshots of a mirrored journal are PostgreSQL's.


async def snapshots(journal: Journal, head: Head, count: int) -> list[Snapshot]:
    """Write a record and save a snapshot, several times."""
    made = []
    for number in range(count):
        head = await write(journal, head, 1)
        made.append(Snapshot(0, head.sequence, head.hash, b"state %d" % number))
        await journal.save_snapshot(made[-1])
    return made


async def test_without_a_snapshot_there_is_none(ledger: Ledger) -> None:
    assert await (await ledger.journal()).latest_snapshot(0) is None


async def test_the_newest_snapshot_is_found(ledger: Ledger) -> None:
    journal = await ledger.journal()
    made = await snapshots(journal, await take(journal, await ledger.shard_map(), 0), 3)
    assert await journal.latest_snapshot(0) == made[2]
    assert await journal.latest_snapshot(1) is None


async def test_a_damaged_snapshot_is_skipped_for_the_one_before_it(ledger: Ledger) -> None:
    journal = await ledger.journal()
    made = await snapshots(journal, await take(journal, await ledger.shard_map(), 0), 3)
    await ledger.damage_snapshot(0, made[2].sequence)
    assert await journal.latest_snapshot(0) == made[1]
    await ledger.damage_snapshot(0, made[1].sequence)
    assert await journal.latest_snapshot(0) is None


async def test_a_snapshot_of_another_history_is_refused(ledger: Ledger) -> None:
    journal = await ledger.journal()
    made = await snapshots(journal, await take(journal, await ledger.shard_map(), 0), 2)
    for sequence in (3, 99):
        with pytest.raises(Fenced):
            await journal.save_snapshot(Snapshot(0, sequence, NO_HASH, b"the state of a writer whose append was refused"))
    assert await journal.latest_snapshot(0) == made[1]


async def test_an_older_snapshot_saved_late_does_not_hide_the_newer_one(ledger: Ledger) -> None:
    journal = await ledger.journal()
    made = await snapshots(journal, await take(journal, await ledger.shard_map(), 0), 2)
    await journal.save_snapshot(made[0])
    assert await journal.latest_snapshot(0) == made[1]


async def test_saving_again_replaces_a_damaged_snapshot(ledger: Ledger) -> None:
    journal = await ledger.journal()
    [made] = await snapshots(journal, await take(journal, await ledger.shard_map(), 0), 1)
    await ledger.damage_snapshot(0, made.sequence)
    await journal.save_snapshot(made)
    assert await journal.latest_snapshot(0) == made


@pytest.mark.parametrize("size", [0, 1, 4 * 1024 * 1024, 9 * 1024 * 1024 + 1])
async def test_a_snapshot_of_any_size_is_kept_whole(ledger: Ledger, size: int) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    snapshot = Snapshot(0, head.sequence, head.hash, (bytes(range(251)) * (size // 251 + 1))[:size])
    await journal.save_snapshot(snapshot)
    assert await journal.latest_snapshot(0) == snapshot
