"""The next records of several shards: first the heads tell which have any, then each of those is read a little."""

import asyncio
from collections.abc import Mapping

from processor.journal.dynamodb.frames import read_records
from processor.journal.dynamodb.heads import read_heads
from processor.journal.dynamodb.items import Item
from processor.journal.dynamodb.link import Link
from processor.journal.dynamodb.pages import Page, read_page
from processor.journal.record import Record

_RECORDS_MAX = 1000
_FIRST_GUESS_BYTES = 1024
# More than the share of each shard, since they are not all written to alike.
_SURPLUS = 2
_SLOWNESS = 8

Waiting = tuple[int, int, int, Item]
"""(time, shard, sequence, item): in this order records are returned."""


class Tail:
    """Reads a little of each shard, and remembers how large records are, so that little is read in vain."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._usual_bytes = float(_FIRST_GUESS_BYTES)

    async def read(self, after: Mapping[int, int], limit_bytes: int) -> list[Record]:
        """Return records as `Journal.tail` does."""
        heads = await read_heads(self._link, list(after))
        behind = [stored.head.shard for stored in heads if stored.head.sequence > after[stored.head.shard]]
        if not behind:
            return []
        limit = max(1, min(_RECORDS_MAX, int(_SURPLUS * limit_bytes / len(behind) / self._usual_bytes)))
        pages = await asyncio.gather(*(read_page(self._link, shard, after[shard], None, limit) for shard in behind))
        found = dict(zip(behind, pages, strict=True))
        while True:
            waiting, unfinished = _in_order(found)
            chosen = _within_bytes(waiting, limit_bytes)
            if unfinished is None or len(chosen) < len(waiting):
                break
            # All of them fit, and perhaps what follows in that shard does so too.
            page = found[unfinished]
            more = await read_page(self._link, unfinished, page.newest, None, limit)
            found[unfinished] = Page(page.items + more.items, more.is_last)
        records = await read_records(self._link, [(shard, item) for _, shard, _, item in chosen])
        for record in records:
            self._usual_bytes += (len(record.frame()) - self._usual_bytes) / _SLOWNESS
        return records


def _in_order(pages: Mapping[int, Page]) -> tuple[list[Waiting], int | None]:
    """Return what the pages hold by time, up to where a page that was cut off ends, and the shard whose page that is."""
    waiting = sorted(
        (int(item["recorded_at"]["N"]), shard, int(item["sk"]["N"]), item) for shard, page in pages.items() for item in page.items
    )
    ends = {(shard, page.newest) for shard, page in pages.items() if not page.is_last}
    for position, (_, shard, sequence, _) in enumerate(waiting):
        if (shard, sequence) in ends:
            return waiting[: position + 1], shard
    return waiting, None


def _within_bytes(waiting: list[Waiting], limit_bytes: int) -> list[Waiting]:
    taken, size = 0, 0
    for *_, item in waiting:
        size += int(item["bytes"]["N"])
        if taken and size > limit_bytes:
            break
        taken += 1
    return waiting[:taken]
