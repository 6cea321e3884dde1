"""Short ways to write records in tests."""

from processor.journal.interface import Head, Journal, ShardMap
from processor.journal.record import Record

AT = 1_700_000_000_000_000


def after(head: Head, payload: bytes = b"payload") -> Record:
    """Return the record that may follow `head`."""
    return Record(head.shard, head.epoch, head.sequence + 1, AT + head.sequence, head.hash, payload)


def head_of(record: Record) -> Head:
    """Return the head that the record makes."""
    return Head(record.shard, record.epoch, record.sequence, record.hash())


async def take(journal: Journal, shard_map: ShardMap, shard: int, host: str = "host") -> Head:
    """Claim a shard from whoever has it, and open it."""
    _, owned = await shard_map.view()
    epoch = await shard_map.claim(shard, owned[shard].epoch, host)
    assert epoch is not None
    return await journal.open(shard, epoch, AT)


async def write(journal: Journal, head: Head, count: int) -> Head:
    """Append `count` records to one shard, one by one, and return the new head."""
    for number in range(count):
        record = after(head, b"payload %d" % number)
        await journal.append([record])
        head = head_of(record)
    return head


async def read_all(journal: Journal, shard: int, after_sequence: int = 0, until: int | None = None) -> list[Record]:
    """Return all records that reading yields."""
    return [record async for record in journal.read(shard, after_sequence, until)]
