"""The heads of shards: one item each, which every append and every change of owner passes."""

from collections.abc import Sequence

import msgspec

from processor.journal.dynamodb.items import Item, head_key
from processor.journal.dynamodb.link import Link
from processor.journal.interface import Head, LedgerUnusable, Ownership


class StoredHead(msgspec.Struct, frozen=True):
    """A head with the shard's owner (None: nobody at the moment)."""

    head: Head
    host: str | None

    @property
    def ownership(self) -> Ownership:
        """The same as the shard map tells it."""
        return Ownership(self.head.shard, self.head.epoch, self.host)


async def read_head(link: Link, shards: int, shard: int) -> Head:
    """Return a shard's head as it is now. Raises ValueError if the ledger has no such shard."""
    if not 0 <= shard < shards:
        raise ValueError(f"shard {shard} is not one of the ledger's {shards} shards")
    [found] = await read_heads(link, [shard])
    return found.head


async def read_heads(link: Link, shards: Sequence[int]) -> list[StoredHead]:
    """Return heads in the order asked, each as it is now, though not all as of one moment."""
    items = await link.get_all([head_key(shard) for shard in shards])
    return [_head_of(link, shard, item) for shard, item in zip(shards, items, strict=True)]


def _head_of(link: Link, shard: int, item: Item | None) -> StoredHead:
    if item is None:
        raise LedgerUnusable(f"the DynamoDB table {link.table} has lost the head of shard {shard}: restore the table")
    head = Head(shard, int(item["epoch"]["N"]), int(item["sequence"]["N"]), item["hash"]["B"])
    return StoredHead(head, item["host"]["S"] if "host" in item else None)
