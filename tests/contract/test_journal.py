"""The journal's promises (processor/journal/interface.py), held against every implementation."""

import asyncio

import msgspec
import pytest

from processor.core.events import Fence
from processor.journal.interface import Fenced, Head, Journal
from processor.journal.record import NO_HASH, Record
from tests.contract.ledgers import SHARDS, Ledger
from tests.contract.writing import AT, after, head_of, read_all, take, write

pytestmark = pytest.mark.anyio


async def frames(journal: Journal, shard: int) -> list[bytes]:
    return [record.frame() for record in await read_all(journal, shard)]


async def test_a_new_ledger_has_its_shards_and_no_records(ledger: Ledger) -> None:
    journal = await ledger.journal()
    assert await journal.shard_count() == SHARDS
    for shard in range(SHARDS):
        assert await journal.head(shard) == Head(shard, 0, 0, NO_HASH)
        assert await read_all(journal, shard) == []


async def test_opening_a_shard_appends_a_fence_with_its_epoch(ledger: Ledger) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 2)
    [fence] = await read_all(journal, 2)
    assert (fence.shard, fence.epoch, fence.sequence, fence.at, fence.previous_hash) == (2, 1, 1, AT, NO_HASH)
    assert msgspec.msgpack.decode(fence.payload, type=list[Fence]) == [Fence(1)]
    assert head == head_of(fence) == await journal.head(2)


async def test_the_fence_of_a_later_owner_follows_the_newest_record_and_never_goes_back_in_time(ledger: Ledger) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    newest = Record(0, 1, 2, AT + 99, (await take(journal, shard_map, 0)).hash, b"late")
    await journal.append([newest])
    head = await take(journal, shard_map, 0)
    fence = await journal.record(0, 3)
    assert fence is not None
    assert (fence.epoch, fence.at, fence.previous_hash) == (2, AT + 99, newest.hash())
    assert head == head_of(fence)


async def test_records_are_read_back_in_order_as_they_were_appended(ledger: Ledger) -> None:
    journal = await ledger.journal()
    head = await write(journal, await take(journal, await ledger.shard_map(), 0), 20)
    records = await read_all(journal, 0)
    assert [record.sequence for record in records] == list(range(1, 22))
    assert [record.payload for record in records[1:]] == [b"payload %d" % number for number in range(20)]
    assert head_of(records[-1]) == head == await journal.head(0)


async def test_reading_can_begin_and_end_anywhere(ledger: Ledger) -> None:
    journal = await ledger.journal()
    await write(journal, await take(journal, await ledger.shard_map(), 0), 9)
    for first, last, expected in (
        (0, 3, [1, 2, 3]),
        (4, 6, [5, 6]),
        (8, 99, [9, 10]),
        (6, 6, []),
        (10, None, []),
        (12, None, []),
    ):
        assert [record.sequence for record in await read_all(journal, 0, first, last)] == expected


async def test_the_tail_of_several_shards_comes_in_the_order_of_time_and_within_its_bytes(ledger: Ledger) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    for shard in (0, 2):
        await write(journal, await take(journal, shard_map, shard), 3)
    everything = await journal.tail({0: 0, 1: 0, 2: 0}, 1_000_000)
    assert sorted((record.shard, record.sequence) for record in everything) == [(s, n) for s in (0, 2) for n in (1, 2, 3, 4)]
    assert everything == sorted(everything, key=lambda record: (record.at, record.shard, record.sequence))
    assert [record.frame() for record in everything if record.shard == 2] == await frames(journal, 2)
    assert [(record.shard, record.sequence) for record in await journal.tail({0: 4, 2: 2}, 1_000_000)] == [(2, 3), (2, 4)]
    two = len(everything[0].frame()) + len(everything[1].frame())
    assert await journal.tail({0: 0, 1: 0, 2: 0}, two) == everything[:2]
    assert await journal.tail({0: 0, 1: 0, 2: 0}, two - 1) == await journal.tail({0: 0, 1: 0, 2: 0}, 1) == everything[:1]
    assert await journal.tail({0: 4, 1: 0, 2: 4}, 1_000_000) == []


async def test_one_record_can_be_read_alone(ledger: Ledger) -> None:
    journal = await ledger.journal()
    record = after(await take(journal, await ledger.shard_map(), 0))
    await journal.append([record])
    found = await journal.record(0, 2)
    assert found is not None
    assert found.frame() == record.frame()
    assert await journal.record(0, 3) is None


async def test_an_append_reaches_all_of_its_shards(ledger: Ledger) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    heads = [await take(journal, shard_map, shard) for shard in range(SHARDS)]
    records = [after(head, b"together") for head in reversed(heads)]
    await journal.append(records)
    for record in records:
        assert (await frames(journal, record.shard))[1:] == [record.frame()]


async def test_an_append_with_one_record_that_does_not_fit_writes_none(ledger: Ledger) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    fit, taken = await take(journal, shard_map, 0), await take(journal, shard_map, 1)
    await write(journal, taken, 1)
    with pytest.raises(Fenced):
        await journal.append([after(fit), after(taken)])
    assert await journal.head(0) == fit


async def test_an_append_of_nothing_does_nothing(ledger: Ledger) -> None:
    await (await ledger.journal()).append([])


async def test_two_records_of_one_shard_in_one_append_are_a_mistake(ledger: Ledger) -> None:
    journal = await ledger.journal()
    first = after(await take(journal, await ledger.shard_map(), 0))
    with pytest.raises(ValueError, match="at most one record"):
        await journal.append([first, after(head_of(first))])
    assert len(await read_all(journal, 0)) == 1


async def test_a_sequence_that_is_taken_is_refused(ledger: Ledger) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    first = after(head, b"first")
    await journal.append([first])
    with pytest.raises(Fenced):
        await journal.append([after(head, b"second")])
    assert (await frames(journal, 0))[1:] == [first.frame()]


async def test_a_sequence_that_leaves_a_gap_is_refused(ledger: Ledger) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    with pytest.raises(Fenced):
        await journal.append([Record(0, head.epoch, head.sequence + 2, AT, head.hash, b"early")])
    assert await journal.head(0) == head


async def test_a_record_that_does_not_carry_the_hash_of_its_predecessor_is_refused(ledger: Ledger) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    with pytest.raises(Fenced):
        await journal.append([Record(0, head.epoch, head.sequence + 1, AT, bytes(31) + b"!", b"of another history")])
    assert await journal.head(0) == head


async def test_a_writer_that_has_been_replaced_is_refused(ledger: Ledger) -> None:
    old, new, shard_map = await ledger.journal(), await ledger.journal(), await ledger.shard_map()
    old_head = await write(old, await take(old, shard_map, 0), 3)
    new_head = await take(new, shard_map, 0)
    with pytest.raises(Fenced):
        await old.append([after(old_head)])
    assert await new.head(0) == new_head


async def test_a_writer_that_has_been_replaced_is_refused_even_if_it_knows_the_next_sequence(ledger: Ledger) -> None:
    old, new, shard_map = await ledger.journal(), await ledger.journal(), await ledger.shard_map()
    old_head = await take(old, shard_map, 0)
    new_head = await take(new, shard_map, 0)
    with pytest.raises(Fenced):
        await old.append([Record(0, old_head.epoch, new_head.sequence + 1, AT, new_head.hash, b"zombie")])
    assert await new.head(0) == new_head


async def test_a_writer_is_refused_from_the_claim_on_although_the_new_owner_has_not_opened_yet(ledger: Ledger) -> None:
    old, shard_map = await ledger.journal(), await ledger.shard_map()
    head = await take(old, shard_map, 0)
    assert await shard_map.claim(0, head.epoch, "another") == 2
    with pytest.raises(Fenced):
        await old.append([after(head)])


async def test_a_writer_that_lost_one_shard_can_still_write_to_the_others(ledger: Ledger) -> None:
    old, new, shard_map = await ledger.journal(), await ledger.journal(), await ledger.shard_map()
    kept, lost = await take(old, shard_map, 0), await take(old, shard_map, 1)
    await take(new, shard_map, 1)
    with pytest.raises(Fenced):
        await old.append([after(kept), after(lost)])
    await write(old, kept, 1)
    assert len(await read_all(old, 0)) == 2


async def test_an_epoch_that_nobody_claimed_is_refused(ledger: Ledger) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    with pytest.raises(Fenced):
        await journal.append([after(Head(0, head.epoch + 1, head.sequence, head.hash))])
    with pytest.raises(Fenced):
        await journal.open(0, head.epoch + 1, AT)


async def test_opening_with_an_epoch_that_is_not_the_newest_is_refused(ledger: Ledger) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    await take(journal, shard_map, 0)
    head = await take(journal, shard_map, 0)
    with pytest.raises(Fenced):
        await journal.open(0, 1, AT)
    assert await journal.head(0) == head


async def test_opening_twice_with_one_epoch_appends_a_second_fence_that_shuts_out_what_was_under_way(ledger: Ledger) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    first = await take(journal, shard_map, 0)
    second = await journal.open(0, first.epoch, AT)
    assert (second.epoch, second.sequence) == (first.epoch, first.sequence + 1)
    with pytest.raises(Fenced):
        await journal.append([after(first, b"sent before the connection was lost")])
    await write(journal, second, 1)


async def test_two_owners_opening_at_once_leave_one_who_can_write(ledger: Ledger) -> None:
    journals, shard_map = [await ledger.journal(), await ledger.journal()], await ledger.shard_map()
    epochs = [await shard_map.claim(0, epoch, "host") for epoch in range(2)]
    results = await asyncio.gather(
        *(journal.open(0, epoch, AT) for journal, epoch in zip(journals, epochs, strict=True) if epoch), return_exceptions=True
    )
    assert isinstance(results[0], Fenced)
    assert results[1] == await journals[1].head(0)


async def test_confirming_the_newest_epochs_passes_and_an_old_one_is_refused(ledger: Ledger) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    await take(journal, shard_map, 0)
    await take(journal, shard_map, 1)
    await journal.confirm([(0, 1), (1, 1)])
    await shard_map.claim(1, 1, "another")
    await journal.confirm([(0, 1)])
    with pytest.raises(Fenced):
        await journal.confirm([(0, 1), (1, 1)])


async def test_a_shard_that_is_not_in_the_ledger_is_named(ledger: Ledger) -> None:
    journal = await ledger.journal()
    for call in (journal.head(SHARDS), journal.open(SHARDS, 1, AT)):
        with pytest.raises(ValueError, match=f"shard {SHARDS} is not one of the ledger's {SHARDS} shards"):
            await call


async def test_a_record_of_two_megabytes_is_kept_whole(ledger: Ledger) -> None:
    journal = await ledger.journal()
    payload = bytes(range(256)) * 8192
    large = after(await take(journal, await ledger.shard_map(), 0), payload)
    await journal.append([large])
    await write(journal, head_of(large), 1)
    assert [len(record.payload) for record in await read_all(journal, 0, 1)] == [len(payload), 9]
    assert (await read_all(journal, 0, 1, 2))[0].payload == payload


async def test_a_stream_that_is_larger_than_a_page_is_read_whole(ledger: Ledger) -> None:
    journal = await ledger.journal()
    head = await take(journal, await ledger.shard_map(), 0)
    for _ in range(6):
        record = after(head, bytes(3 * 1024 * 1024))
        await journal.append([record])
        head = head_of(record)
    count = ledger.records_in_a_page + 200
    await write(journal, head, count)
    assert [record.sequence for record in await read_all(journal, 0)] == list(range(1, count + 8))


async def test_sixty_four_readers_at_once_all_see_the_same_records_while_a_writer_goes_on(ledger: Ledger) -> None:
    journal = await ledger.journal()
    head = await write(journal, await take(journal, await ledger.shard_map(), 0), 50)
    expected = await frames(journal, 0)
    readers = [asyncio.create_task(frames(journal, 0)) for _ in range(64)]
    await write(journal, head, 50)
    for found in await asyncio.gather(*readers):
        assert found[: len(expected)] == expected


async def test_writers_of_different_shards_do_not_disturb_each_other(ledger: Ledger) -> None:
    shard_map = await ledger.shard_map()
    journals = [await ledger.journal() for _ in range(SHARDS)]
    heads = [await take(journal, shard_map, shard) for shard, journal in enumerate(journals)]
    await asyncio.gather(*(write(journal, head, 50) for journal, head in zip(journals, heads, strict=True)))
    for shard, journal in enumerate(journals):
        assert (await journal.head(shard)).sequence == 51


async def test_of_many_appends_to_one_sequence_at_once_exactly_one_is_accepted(ledger: Ledger) -> None:
    journals = [await ledger.journal() for _ in range(8)]
    head = await take(journals[0], await ledger.shard_map(), 0)
    rivals = [after(head, b"rival %d" % number) for number in range(8)]
    results = await asyncio.gather(
        *(journal.append([rival]) for journal, rival in zip(journals, rivals, strict=True)), return_exceptions=True
    )
    accepted = [rival.frame() for rival, result in zip(rivals, results, strict=True) if result is None]
    assert [type(result) for result in results].count(Fenced) == 7
    assert (await frames(journals[0], 0))[1:] == accepted
