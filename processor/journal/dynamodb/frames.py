"""Records as items: a small frame inside its record's item, a large one in parts beside it."""

import asyncio
from collections.abc import Sequence

from processor.journal.chain import check_stored
from processor.journal.dynamodb.items import Item, binary, cut, frame_part_key, number, record_key
from processor.journal.dynamodb.link import Link
from processor.journal.interface import JournalCorrupt
from processor.journal.record import Record

INLINE_BYTES = 32 * 1024
"""A larger frame is stored in parts. In a transaction bytes cost twice, all on one partition; and an append to all shards that a
ledger may have fits into the 4 MB of a transaction, whatever it holds."""


def record_item(record: Record) -> Item:
    """Return the item that makes the record part of its stream. The parts of its frame must have been stored before."""
    frame = record.frame()
    content = {"frame": binary(frame)} if len(frame) <= INLINE_BYTES else {"parts": number(len(cut(frame)))}
    return (
        record_key(record.shard, record.sequence)
        | {"hash": binary(record.hash()), "recorded_at": number(record.at), "bytes": number(len(frame))}
        | content
    )


async def store_parts(link: Link, records: Sequence[Record]) -> None:
    """Store the frames that do not fit into their records' items.

    Their keys hold the frame's hash: what is stored twice is the same, and what no record names is never read.
    """
    items = [
        frame_part_key(record.hash(), part) | {"frame": binary(content)}
        for record in records
        if len(record.frame()) > INLINE_BYTES
        for part, content in enumerate(cut(record.frame()))
    ]
    if items:
        await link.put_all(items)


async def read_frame(link: Link, shard: int, item: Item) -> bytes:
    """Return the frame of a record's item. Raises JournalCorrupt if a part is not there."""
    if "frame" in item:
        frame: bytes = item["frame"]["B"]
        return frame
    record_hash: bytes = item["hash"]["B"]
    parts = await link.get_all([frame_part_key(record_hash, part) for part in range(int(item["parts"]["N"]))])
    found = [part["frame"]["B"] for part in parts if part is not None]
    if len(found) < len(parts):
        missing = len(parts) - len(found)
        raise JournalCorrupt(f"shard {shard}, sequence {item['sk']['N']}: {missing} parts of its frame are missing")
    return b"".join(found)


async def read_record(link: Link, shard: int, item: Item) -> Record:
    """Return the record of an item, checked by itself. Raises JournalCorrupt."""
    return check_stored(shard, int(item["sk"]["N"]), item["hash"]["B"], await read_frame(link, shard, item))


async def read_records(link: Link, items: Sequence[tuple[int, Item]]) -> list[Record]:
    """Return the records of (shard, item), in order, each checked by itself. Raises JournalCorrupt."""
    return list(await asyncio.gather(*(read_record(link, shard, item) for shard, item in items)))
