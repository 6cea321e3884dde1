"""Whatever has been changed in the store is noticed when it is read."""

import pytest

from processor.journal.interface import Journal, JournalCorrupt
from processor.journal.record import Record, frame_hash
from tests.contract.ledgers import Ledger
from tests.contract.writing import AT, read_all, take, write

pytestmark = pytest.mark.anyio

STORES = ("memory", "postgres", "dynamodb")  # Records of a mirrored journal are read from PostgreSQL.


@pytest.fixture
async def journal(ledger: Ledger) -> Journal:
    """A journal with six records in shard 0."""
    journal = await ledger.journal()
    await write(journal, await take(journal, await ledger.shard_map(), 0), 5)
    return journal


async def stored(journal: Journal, sequence: int) -> Record:
    record = await journal.record(0, sequence)
    assert record is not None
    return record


@pytest.mark.parametrize("position", [0, 2, 4, 20, 40, 80, -1])
async def test_a_changed_byte_of_a_frame_is_noticed(ledger: Ledger, journal: Journal, position: int) -> None:
    frame = bytearray((await stored(journal, 3)).frame())
    frame[position] ^= 1
    await ledger.replace_frame(0, 3, bytes(frame))
    with pytest.raises(JournalCorrupt, match="shard 0, sequence 3"):
        await read_all(journal, 0)
    with pytest.raises(JournalCorrupt, match="shard 0, sequence 3"):
        await journal.record(0, 3)


@pytest.mark.parametrize("frame", [b"", b"PJ", bytes(200)])
async def test_bytes_that_are_no_frame_are_noticed(ledger: Ledger, journal: Journal, frame: bytes) -> None:
    await ledger.replace_frame(0, 3, frame)
    with pytest.raises(JournalCorrupt, match="shard 0, sequence 3"):
        await read_all(journal, 0)


async def test_a_truncated_frame_is_noticed(ledger: Ledger, journal: Journal) -> None:
    await ledger.replace_frame(0, 3, (await stored(journal, 3)).frame()[:-1])
    with pytest.raises(JournalCorrupt, match="the payload has 8 bytes where the header says 9"):
        await read_all(journal, 0)


async def test_a_changed_hash_is_noticed(ledger: Ledger, journal: Journal) -> None:
    await ledger.replace_hash(0, 3, bytes(32))
    with pytest.raises(JournalCorrupt, match="does not have the hash"):
        await read_all(journal, 0)


async def test_a_missing_record_is_noticed(ledger: Ledger, journal: Journal) -> None:
    await ledger.remove_record(0, 3)
    with pytest.raises(JournalCorrupt, match="sequence 3 is missing"):
        await read_all(journal, 0)
    with pytest.raises(JournalCorrupt, match="sequence 3 is missing"):
        await read_all(journal, 0, 2)


async def test_swapped_records_are_noticed(ledger: Ledger, journal: Journal) -> None:
    await ledger.swap_records(0, 3, 4)
    with pytest.raises(JournalCorrupt, match="shard 0, sequence 3: holds the record of shard 0, 4"):
        await read_all(journal, 0)


async def test_a_record_rewritten_with_a_fitting_checksum_and_hash_is_noticed_by_its_successor(
    ledger: Ledger, journal: Journal
) -> None:
    old = await stored(journal, 3)
    forged = Record(0, old.epoch, 3, AT, old.previous_hash, b"a richer payload").frame()
    await ledger.replace_frame(0, 3, forged)
    await ledger.replace_hash(0, 3, frame_hash(forged))
    with pytest.raises(JournalCorrupt, match=r"sequence 4: it does not carry the hash of the record before it"):
        await read_all(journal, 0)


async def test_an_epoch_that_falls_is_noticed(ledger: Ledger, journal: Journal) -> None:
    old = await stored(journal, 6)
    forged = Record(0, 0, 6, AT, old.previous_hash, old.payload).frame()
    await ledger.replace_frame(0, 6, forged)
    await ledger.replace_hash(0, 6, frame_hash(forged))
    with pytest.raises(JournalCorrupt, match="epoch 0 comes after epoch 1"):
        await read_all(journal, 0)


async def test_records_before_the_damage_are_still_read(ledger: Ledger, journal: Journal) -> None:
    await ledger.replace_hash(0, 3, bytes(32))
    assert [record.sequence for record in await read_all(journal, 0, 0, 2)] == [1, 2]
    assert [record.sequence for record in await read_all(journal, 0, 3)] == [4, 5, 6]


async def test_a_damaged_newest_record_gets_no_successor(ledger: Ledger, journal: Journal) -> None:
    await ledger.replace_frame(0, 6, b"damaged")
    shard_map = await ledger.shard_map()
    epoch = await shard_map.claim(0, 1, "another")
    assert epoch == 2
    with pytest.raises(JournalCorrupt, match="shard 0, sequence 6"):
        await journal.open(0, epoch, AT)
    assert (await journal.head(0)).sequence == 6
