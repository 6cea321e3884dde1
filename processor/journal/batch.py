"""What one append may hold, and the record with which every owner of a shard begins."""

from collections.abc import Sequence

import msgspec

from processor.core.events import Fence
from processor.journal.record import NO_HASH, Record

MAX_APPEND_BYTES = 256 * 1024 * 1024


def in_shard_order(records: Sequence[Record]) -> list[Record]:
    """Return the records of one append in the order of their shards.

    The order is the same for every writer so that two of them can never wait for each other in a circle.
    Raises ValueError if two records are of one shard, or all together are larger than 256 MiB.
    """
    if len({record.shard for record in records}) != len(records):
        raise ValueError("an append takes at most one record of a shard")
    if sum(len(record.payload) for record in records) > MAX_APPEND_BYTES:
        raise ValueError(f"an append takes at most {MAX_APPEND_BYTES} bytes: divide it")
    return sorted(records, key=lambda record: record.shard)


def within_bytes(records: Sequence[Record], limit_bytes: int) -> list[Record]:
    """Return the first of the records, as many as fit into `limit_bytes`, and at least one if there is any."""
    taken, size = 0, 0
    for record in records:
        size += len(record.frame())
        if taken and size > limit_bytes:
            break
        taken += 1
    return list(records[:taken])


def fence_record(shard: int, epoch: int, at: int, newest: Record | None) -> Record:
    """Return the record with which the owner of `epoch` begins, right after the newest one (None: the shard is empty).

    Its time is `at`, or the newest record's where that is later: time never goes back within a shard.
    """
    payload = msgspec.msgpack.encode([Fence(epoch)])
    if newest is None:
        return Record(shard, epoch, 1, at, NO_HASH, payload)
    return Record(shard, epoch, newest.sequence + 1, max(at, newest.at), newest.hash(), payload)
