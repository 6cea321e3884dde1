"""Pages of a shard's records: as many items as DynamoDB returns at once."""

import msgspec

from processor.journal.dynamodb.items import Item, number, records_of, text
from processor.journal.dynamodb.link import Link

_NEWEST = 2**63 - 1


class Page(msgspec.Struct, frozen=True):
    """Items of records in order. `is_last`: there were no more when it was read."""

    items: list[Item]
    is_last: bool

    @property
    def newest(self) -> int:
        """The sequence of its last record."""
        return int(self.items[-1]["sk"]["N"])


async def read_page(link: Link, shard: int, after: int, until: int | None, limit: int) -> Page:
    """Return records with `after < sequence <= until`: at most `limit`, and at most about a megabyte of items."""
    last = _NEWEST if until is None else until
    if after >= last:
        return Page([], is_last=True)
    found = await link.read(
        "query",
        TableName=link.table,
        ConsistentRead=True,
        Limit=limit,
        KeyConditionExpression="pk = :records AND sk BETWEEN :first AND :last",
        ExpressionAttributeValues={":records": text(records_of(shard)), ":first": number(after + 1), ":last": number(last)},
    )
    # A page may be empty though there is more only where a filter is at work, and here is none.
    return Page(found["Items"], is_last="LastEvaluatedKey" not in found or not found["Items"])
