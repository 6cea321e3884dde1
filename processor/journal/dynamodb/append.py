"""Appending: one transaction that moves the heads of its shards and stores their records.

A head moves only from the exact record before, in the exact epoch. Heads never go back, so a condition that fails once fails for
ever: what was refused can not take effect later. That holds for a request whose answer was lost on its way, too: if it has not
taken effect by the time the next owner has moved the head, it never will.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from processor.journal.dynamodb.frames import record_item, store_parts
from processor.journal.dynamodb.items import Item, binary, head_key, number, record_key
from processor.journal.dynamodb.link import Link
from processor.journal.record import Record

MAX_ITEMS = 100
"""What DynamoDB takes in one transaction."""

_SAME_EPOCH, _NO_LATER_EPOCH = "epoch = :epoch", "epoch <= :epoch"


async def append(link: Link, records: Sequence[Record], *, raises_epoch: bool = False) -> None:
    """Make records durable, all or none. Those of one shard must stand together and in order.

    The shards' epoch must be that of their first record; with `raises_epoch` it may be lower, and becomes that of the last.
    Raises Refused, JournalUnavailable.
    """
    await store_parts(link, records)
    items: list[Item] = []
    for _, of_shard in groupby(records, attrgetter("shard")):
        run = list(of_shard)
        items.append({"Update": _move_head(link.table, run[0], run[-1], raises_epoch)})
        items += [{"Put": _put(link.table, record)} for record in run]
    await link.write("transact_write_items", TransactItems=items)


async def stored_hashes(link: Link, records: Sequence[Record]) -> list[bytes | None]:
    """Return the hashes that are stored at the places of these records."""
    keys = [record_key(record.shard, record.sequence) for record in records]
    return [item["hash"]["B"] if item else None for item in await link.get_all(keys, ["hash"])]


def _move_head(table: str, first: Record, last: Record, raises_epoch: bool) -> Item:
    epoch = _NO_LATER_EPOCH if raises_epoch else _SAME_EPOCH
    return {
        "TableName": table,
        "Key": head_key(first.shard),
        "ConditionExpression": f"{epoch} AND #sequence = :before AND #hash = :previous",
        "UpdateExpression": "SET epoch = :newest, #sequence = :sequence, #hash = :hash",
        "ExpressionAttributeNames": {"#sequence": "sequence", "#hash": "hash"},
        "ExpressionAttributeValues": {
            ":epoch": number(first.epoch),
            ":before": number(first.sequence - 1),
            ":previous": binary(first.previous_hash),
            ":newest": number(last.epoch),
            ":sequence": number(last.sequence),
            ":hash": binary(last.hash()),
        },
    }


def _put(table: str, record: Record) -> Item:
    return {"TableName": table, "Item": record_item(record), "ConditionExpression": "attribute_not_exists(pk)"}
