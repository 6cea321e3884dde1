"""Two stores that should hold the same: what differs is found, and where."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from processor.audit import stores
from processor.audit.stores import compare_stores
from processor.journal.dynamodb.items import binary, head_key, number, record_key
from processor.journal.interface import Head
from processor.journal.mirrored import MirroredJournal
from processor.journal.record import Record, frame_hash
from tests.aws import EmulatedAws
from tests.contract.ledgers import SHARDS
from tests.contract.mirrored_ledger import MirroredLedger
from tests.contract.writing import AT, after, head_of, take, write

pytestmark = pytest.mark.anyio


class Scene:
    """Six records in shard 0, alike in both stores."""

    def __init__(self, ledger: MirroredLedger, journal: MirroredJournal, head: Head) -> None:
        self.ledger = ledger
        self.journal = journal
        self.head = head

    async def forged(self, sequence: int) -> Record:
        """Return another record than the one at this place, with a right checksum."""
        old = await self.journal.primary.record(0, sequence)
        assert old is not None
        return Record(0, old.epoch, sequence, AT, old.previous_hash, b"a richer payload")


@pytest.fixture
async def scene(aws: EmulatedAws, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(stores, "_UNDER_WAY_SECONDS", 0.2)
    ledger = MirroredLedger(aws.settings(database_url=database_url, shards=SHARDS))
    journal = await ledger.journal()
    await journal.mirror.mark_complete(True)
    head = await write(journal, await take(journal, await ledger.shard_map(), 0), 5)
    yield Scene(ledger, journal, head)
    await ledger.close()


async def test_equal_stores_have_no_problems(scene: Scene) -> None:
    assert await compare_stores(scene.journal) == []


async def test_a_changed_byte_is_found_in_either_store(scene: Scene) -> None:
    record = await scene.journal.primary.record(0, 3)
    assert record is not None
    damaged = record.frame()[:-1] + b"?"
    await scene.ledger.mirror.replace_frame(0, 3, damaged)
    [problem] = await compare_stores(scene.journal)
    assert problem.startswith("in DynamoDB: shard 0, sequence 3: its checksum does not fit")
    await scene.ledger.mirror.replace_frame(0, 3, record.frame())
    await scene.ledger.replace_frame(0, 3, damaged)
    [problem] = await compare_stores(scene.journal)
    assert problem.startswith("in PostgreSQL: shard 0, sequence 3: its checksum does not fit")


async def test_a_newest_record_that_was_forged_with_all_its_hashes_is_found(scene: Scene) -> None:
    forged = (await scene.forged(6)).frame()
    await scene.ledger.mirror.replace_frame(0, 6, forged)
    await scene.ledger.mirror.replace_hash(0, 6, frame_hash(forged))
    scene.ledger.mirror.change(head_key(0), hash=binary(frame_hash(forged)))
    assert await compare_stores(scene.journal) == ["shard 0, sequence 6: DynamoDB has another record than PostgreSQL"]


@pytest.mark.parametrize("sequence", [3, 6])
async def test_a_missing_record_is_found(scene: Scene, sequence: int) -> None:
    await scene.ledger.mirror.remove_record(0, sequence)
    [problem] = await compare_stores(scene.journal)
    assert f"sequence {sequence}" in problem and "DynamoDB" in problem


async def test_newest_records_that_one_store_lacks_are_found(scene: Scene) -> None:
    newest = after(scene.head)
    await scene.journal.primary.append([newest])
    [problem] = await compare_stores(scene.journal)
    assert problem.startswith("shard 0: DynamoDB lacks the records 7 to 7")
    await scene.journal.mirror.take([newest])
    await scene.ledger.remove_record(0, 7)
    assert await compare_stores(scene.journal) == ["shard 0, sequence 7: PostgreSQL does not have the record"]


@pytest.mark.parametrize("change", [{"hash": binary(b"?" * 32)}, {"epoch": number(2)}])
async def test_a_head_that_does_not_fit_is_found(scene: Scene, change: dict[str, object]) -> None:
    scene.ledger.mirror.change(head_key(0), **change)
    [problem] = await compare_stores(scene.journal)
    assert problem == "shard 0: DynamoDB's head has another hash or epoch than its newest record, 6"


async def test_a_mirror_that_counts_as_incomplete_is_told(scene: Scene) -> None:
    await scene.journal.mirror.mark_complete(False)
    [problem] = await compare_stores(scene.journal)
    assert problem.startswith("DynamoDB counts as incomplete")


async def test_a_ledger_that_is_written_to_meanwhile_has_no_problems(scene: Scene) -> None:
    async def go_on() -> None:
        head = scene.head
        for _ in range(60):
            record = after(head)
            await scene.journal.append([record])
            head = head_of(record)

    writing = asyncio.create_task(go_on())
    while not writing.done():
        assert await compare_stores(scene.journal) == []
    await writing


async def test_every_shard_is_compared(scene: Scene) -> None:
    shard_map = await scene.ledger.shard_map()
    for shard in range(1, SHARDS):
        await take(scene.journal, shard_map, shard)
        scene.ledger.mirror.client.delete_item(TableName=scene.ledger.mirror.table, Key=record_key(shard, 1))
    assert [problem.partition(",")[0] for problem in await compare_stores(scene.journal)] == [
        f"shard {shard}" for shard in range(1, SHARDS)
    ]
