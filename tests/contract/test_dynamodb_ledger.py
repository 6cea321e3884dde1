"""Creating a ledger in a DynamoDB table, and what only a table can do to it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from processor.journal.dynamodb import DynamoDbJournal, DynamoDbShardMap, create_ledger
from processor.journal.dynamodb.frames import INLINE_BYTES
from processor.journal.dynamodb.items import LEDGER, frame_part_key, head_key, number, record_key
from processor.journal.dynamodb.link import Link
from processor.journal.interface import Fenced, Head, JournalCorrupt, JournalUnavailable, LedgerUnusable, Ownership, Snapshot
from processor.settings import Settings
from tests.aws import EmulatedAws
from tests.contract.dynamodb_faults import Faults, lose_answer, lose_request
from tests.contract.dynamodb_ledger import DynamoDbLedger
from tests.contract.ledgers import LEASE_SECONDS, SHARDS
from tests.contract.writing import AT, after, head_of, read_all, take, write

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ledger(aws: EmulatedAws, anyio_backend: str) -> AsyncIterator[DynamoDbLedger]:
    ledger = DynamoDbLedger(aws.settings())
    yield ledger
    await ledger.close()


async def create(settings: Settings, shards: int) -> None:
    link = Link(settings, 1)
    try:
        await create_ledger(link, shards)
    finally:
        link.close()


@pytest.mark.parametrize("shards", [0, 51])
async def test_a_number_of_shards_that_no_transaction_has_room_for_is_refused(ledger: DynamoDbLedger, shards: int) -> None:
    with pytest.raises(LedgerUnusable, match="choose 1 to 50, since all must fit into one transaction"):
        await create(ledger.settings, shards)


async def test_the_largest_ledger_takes_an_append_to_all_of_its_shards_with_the_largest_frames_that_have_no_parts(
    ledger: DynamoDbLedger,
) -> None:
    await create(ledger.settings, 50)
    journal, shard_map = await DynamoDbJournal.connect(ledger.settings), await DynamoDbShardMap.connect(ledger.settings)
    heads = await asyncio.gather(*(_claim_and_open(journal, shard_map, shard) for shard in range(50)))
    records = [after(head, bytes(INLINE_BYTES - len(after(head, b"").frame()))) for head in heads]
    assert {len(record.frame()) for record in records} == {INLINE_BYTES}
    await journal.append(records)
    assert "frame" in ledger.item(record_key(49, 2))
    assert await journal.tail(dict.fromkeys(range(50), 1), 50 * INLINE_BYTES) == records
    await shard_map.close()
    await journal.close()


async def _claim_and_open(journal: DynamoDbJournal, shard_map: DynamoDbShardMap, shard: int) -> Head:
    await shard_map.claim(shard, 0, "host")
    return await journal.open(shard, 1, AT)


async def test_many_processes_may_create_the_ledger_at_once_and_another_number_of_shards_is_refused(
    ledger: DynamoDbLedger,
) -> None:
    await asyncio.gather(*(create(ledger.settings, SHARDS) for _ in range(6)))
    with pytest.raises(LedgerUnusable, match=f"created with {SHARDS} shards, not 5: set the number to {SHARDS}"):
        await create(ledger.settings, 5)


async def test_a_table_that_is_missing_or_empty_or_of_a_newer_program_is_refused(
    ledger: DynamoDbLedger, aws: EmulatedAws
) -> None:
    missing = aws.settings()
    for call in (create(missing, SHARDS), DynamoDbJournal.connect(missing), DynamoDbShardMap.connect(missing)):
        with pytest.raises(LedgerUnusable, match=f"the DynamoDB table {missing.dynamodb_journal_table} does not exist"):
            await call
    for call in (DynamoDbJournal.connect(ledger.settings), DynamoDbShardMap.connect(ledger.settings)):
        with pytest.raises(LedgerUnusable, match="holds no ledger: create it first"):
            await call
    await ledger.create()
    ledger.change(LEDGER, layout=number(2))
    for call in (create(ledger.settings, SHARDS), DynamoDbJournal.connect(ledger.settings)):
        with pytest.raises(LedgerUnusable, match="a newer program"):
            await call


async def test_a_stream_of_more_than_a_megabyte_of_items_is_read_in_pages(ledger: DynamoDbLedger) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    for number_of_record in range(48):
        record = after(head, bytes([number_of_record]) * 30_000)
        await journal.append([record])
        head = head_of(record)
    found = await read_all(journal, 0, 1)
    assert [record.payload[0] for record in found] == list(range(48))
    assert await journal.tail({0: 1}, 10_000_000) == found
    assert await journal.tail({0: 1}, 100_000) == found[:3]


async def test_a_tail_goes_on_where_the_page_of_a_shard_that_is_written_to_most_ends(ledger: DynamoDbLedger) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    for shard, count in ((0, 40), (1, 2), (2, 8)):
        await write(journal, await take(journal, shard_map, shard), count)
    by_time = sorted(
        [record for shard in range(3) for record in await read_all(journal, shard)], key=lambda r: (r.at, r.shard, r.sequence)
    )
    for limit_bytes in (1, 500, 2000, 3000, 100_000):
        size = 0
        fitting = [record for record in by_time if (size := size + len(record.frame())) <= limit_bytes]
        assert await journal.tail(dict.fromkeys(range(4), 0), limit_bytes) == (fitting or by_time[:1])


async def test_a_refused_append_leaves_parts_that_nothing_refers_to(ledger: DynamoDbLedger) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    won, lost = after(head, b"a" * 500_000), after(head, b"b" * 500_000)
    await journal.append([won])
    with pytest.raises(Fenced):
        await journal.append([lost])
    assert [record.frame() for record in await read_all(journal, 0, 1)] == [won.frame()]
    assert ledger.item(frame_part_key(lost.hash(), 1))["frame"]["B"]


@pytest.mark.parametrize("damage", ["remove", "change"])
async def test_a_damaged_part_of_a_frame_is_noticed(ledger: DynamoDbLedger, damage: str) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    record = after(head, b"a" * 500_000)
    await journal.append([record])
    place = frame_part_key(record.hash(), 1)
    if damage == "remove":
        ledger.client.delete_item(TableName=ledger.table, Key=place)
    else:
        ledger.change(place, frame={"B": b"b" + ledger.item(place)["frame"]["B"][1:]})
    for call in (read_all(journal, 0), journal.record(0, 2), journal.tail({0: 0}, 1_000_000)):
        with pytest.raises(JournalCorrupt, match="shard 0, sequence 2"):
            await call


async def test_a_shard_whose_head_names_a_record_that_is_not_there_is_not_opened(
    ledger: DynamoDbLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processor.journal.dynamodb.journal._LOOK_AGAIN_SECONDS", 0)
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    await write(journal, await take(journal, shard_map, 0), 2)
    await ledger.remove_record(0, 3)
    with pytest.raises(JournalCorrupt, match="shard 0, sequence 3: the record that the shard's head names is not there"):
        await take(journal, shard_map, 0)
    ledger.change(head_key(1), hash={"B": b"?" * 32}, sequence=number(1))
    with pytest.raises(JournalCorrupt, match="shard 1, sequence 1"):
        await take(journal, shard_map, 1)


async def test_a_snapshot_that_was_cut_short_is_not_used_and_goes_with_a_later_one(ledger: DynamoDbLedger) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    made = []
    for sequence in range(2, 6):
        head = await write(journal, head, 1)
        made.append(Snapshot(0, head.sequence, head.hash, bytes([sequence]) * 500_000))
    await journal.save_snapshot(made[0])
    Faults(journal._readers.client, "BatchWriteItem", lose_answer, lose_request)
    with pytest.raises(JournalUnavailable):
        await journal.save_snapshot(made[1])
    assert await journal.latest_snapshot(0) == made[0]
    assert _parts_of_states(ledger) == {2: 2, 3: 2}
    await journal.save_snapshot(made[2])
    await journal.save_snapshot(made[3])
    assert await journal.latest_snapshot(0) == made[3]
    assert _parts_of_states(ledger) == {4: 2, 5: 2}


def _parts_of_states(ledger: DynamoDbLedger) -> dict[int, int]:
    """Return how many parts of states the table has, by the sequence of their snapshot."""
    items = ledger.client.scan(TableName=ledger.table, ProjectionExpression="pk")["Items"]
    return Counter(int(item["pk"]["S"].split("#")[2]) for item in items if item["pk"]["S"].startswith("state#"))


async def test_who_looks_for_the_first_time_gives_a_host_a_whole_lease(ledger: DynamoDbLedger) -> None:
    shard_map = await ledger.shard_map()
    await shard_map.heartbeat("a", "actor", 1)
    await ledger.pass_time(10 * LEASE_SECONDS)
    newcomer = await ledger.shard_map()
    for newcomer_sees, passed in ((True, 0.9), (True, 0.2), (False, 0.0)):
        assert [host.alive for host in (await newcomer.view())[0]] == [newcomer_sees]
        assert [host.alive for host in (await shard_map.view())[0]] == [False]
        await ledger.pass_time(passed * LEASE_SECONDS)


async def test_owners_are_read_again_only_after_a_change(ledger: DynamoDbLedger) -> None:
    shard_map, another = await ledger.shard_map(), await ledger.shard_map()
    reads = Faults(shard_map._link.client, "BatchGetItem")
    for _ in range(3):
        await shard_map.heartbeat("a", "actor", 1)
        assert (await shard_map.view())[1][0].host is None
    assert reads.requests == 1
    await another.claim(0, 0, "b")
    assert (await shard_map.view())[1][0] == Ownership(0, 1, "b")
    assert reads.requests == 2
