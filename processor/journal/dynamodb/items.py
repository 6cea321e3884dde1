"""What the table holds, and under which keys.

The partition key `pk` tells what an item is and the sort key `sk` orders items of one kind:

| pk | sk | one item holds |
| --- | --- | --- |
| `ledger` | 0 | the number of shards, the layout's version, whether a mirror has everything |
| `map` | 0 | a number that rises with every change of hosts or owners |
| `hosts` | made of the name | a shard host and its heartbeats |
| `head#SHARD` | 0 | the shard's epoch, its owner, its newest record's sequence and hash |
| `records#SHARD` | sequence | a record's frame, or how many parts it has |
| `part#HASH#N` | 0 | part N of the frame with this hash |
| `snapshots#SHARD` | sequence | a snapshot's place, checksum and number of parts |
| `state#SHARD#SEQUENCE#CHECKSUM#N` | 0 | part N of this snapshot |

Heads have partition keys of their own: every append of a shard changes one, and a partition takes a thousand units a second.
Parts are spread over the whole table for the same reason.
"""

from hashlib import blake2b
from typing import Any

Item = dict[str, Any]
"""Attributes as DynamoDB has them on the wire: {"name": {"N": "1"}}."""

PART_BYTES = 350 * 1024
"""An item may have 400 KB, with the names of its attributes."""

# A number may have 38 digits.
_NAME_DIGEST_BYTES = 15


def number(value: int) -> Item:
    """Return a number as an attribute's value."""
    return {"N": str(value)}


def text(value: str) -> Item:
    """Return a text as an attribute's value."""
    return {"S": value}


def binary(value: bytes | memoryview) -> Item:
    """Return bytes as an attribute's value."""
    return {"B": bytes(value)}


def key(kind: str, order: int = 0) -> Item:
    """Return a whole key."""
    return {"pk": text(kind), "sk": number(order)}


LEDGER = key("ledger")
MAP = key("map")
HOSTS = "hosts"


def host_key(host: str) -> Item:
    """Return the key of a shard host. What is below `sk` may be any number, as long as it is always the same for a name."""
    return key(HOSTS, int.from_bytes(blake2b(host.encode(), digest_size=_NAME_DIGEST_BYTES).digest()))


def head_key(shard: int) -> Item:
    """Return the key of a shard's head."""
    return key(f"head#{shard}")


def records_of(shard: int) -> str:
    """Return the partition key of a shard's records."""
    return f"records#{shard}"


def record_key(shard: int, sequence: int) -> Item:
    """Return the key of a record."""
    return key(records_of(shard), sequence)


def frame_part_key(record_hash: bytes, part: int) -> Item:
    """Return the key of one part of a frame."""
    return key(f"part#{record_hash.hex()}#{part}")


def snapshots_of(shard: int) -> str:
    """Return the partition key of a shard's snapshots."""
    return f"snapshots#{shard}"


def snapshot_key(shard: int, sequence: int) -> Item:
    """Return the key of a snapshot."""
    return key(snapshots_of(shard), sequence)


def state_part_key(shard: int, sequence: int, checksum: bytes, part: int) -> Item:
    """Return the key of one part of a snapshot's state."""
    return key(f"state#{shard}#{sequence}#{checksum.hex()}#{part}")


def cut(whole: bytes | memoryview) -> list[memoryview]:
    """Return the bytes in parts, each of which fits into an item; nothing is one empty part."""
    view = memoryview(whole)
    return [view[start : start + PART_BYTES] for start in range(0, len(view), PART_BYTES)] or [view]
