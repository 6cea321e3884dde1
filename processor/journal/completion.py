"""Bringing to the mirror what only PostgreSQL has.

The mirror must be able to go on alone at any moment, and a payment over two shards has records in both, in one append. So the
mirror takes appends as a whole or not at all, in an order that leaves no gap: to complete one shard, the appends that its missing
records belong to are brought over with all of their shards, and with what those need before. What is brought over is usually the
one append that a dead host left behind.

To fill a mirror that lacks much, it is taken out of duty first (`DynamoDbMirror.mark_complete`); then whole appends need not be looked
for, only the cut at which it ends must be one moment of PostgreSQL's.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from processor.journal.dynamodb.append import MAX_ITEMS
from processor.journal.dynamodb.frames import INLINE_BYTES
from processor.journal.dynamodb.mirror import DynamoDbMirror, Refused
from processor.journal.interface import Head, JournalCorrupt, JournalUnavailable
from processor.journal.postgres.journal import PostgresJournal
from processor.journal.record import Record

# What one look at PostgreSQL returns: enough to fill some transactions.
_RECORDS_OF_SHARD = 200
_LOOK_BYTES = 16 * 1024 * 1024
_TRANSACTION_BYTES = 2 * 1024 * 1024
_REFUSALS_MAX = 30
_PAUSE_SECONDS = 0.05

Append = list[Record]
Progress = Callable[[int], None]
"""Called with the number of records that were brought over since the last call."""


class Completion:
    """Compares the stores, and completes the mirror."""

    def __init__(self, primary: PostgresJournal, mirror: DynamoDbMirror) -> None:
        self._primary = primary
        self._mirror = mirror

    async def check(self, shard: int) -> Head:
        """Return the mirror's head of a shard. Raises JournalCorrupt if it is not a record of PostgreSQL's, JournalUnavailable."""
        head = await self._mirror.head(shard)
        record = await self._primary.record(shard, head.sequence) if head.sequence else None
        if head.sequence and record is None:
            raise JournalCorrupt(
                f"shard {shard}: DynamoDB has record {head.sequence}, which PostgreSQL lacks: PostgreSQL has lost acknowledged records,"
                " or DynamoDB has gone on alone (PAYMENTS_JOURNAL=dynamodb does so)"
            )
        if record is not None and record.hash() != head.hash:
            raise JournalCorrupt(f"shard {shard}, sequence {head.sequence}: DynamoDB has another record than PostgreSQL")
        return head

    async def complete(self, targets: Mapping[int, int]) -> None:
        """Bring over everything up to these sequences by shard, append by append. Raises JournalCorrupt, JournalUnavailable."""
        shards = range(await self._primary.shard_count())
        refusals = _Refusals()
        while True:
            heads = await self._mirror.heads(shards)
            behind = {shard: target for shard, target in targets.items() if heads[shard].sequence < target}
            if not behind:
                return
            missing = await self._primary.appended_after(
                {shard: heads[shard].sequence for shard in shards}, _RECORDS_OF_SHARD, _LOOK_BYTES
            )
            appends = _needed([[record for _, record in rows] for _, rows in groupby(missing, itemgetter(0))], behind)
            _check_follows([record for append in appends for record in append], heads)
            if not appends:
                raise JournalUnavailable("PostgreSQL does not show the records that the mirror lacks")
            try:
                for transaction in _transactions(appends):
                    await self._mirror.take(transaction)
            except Refused as error:
                await refusals.wait(error)

    async def fill(self, progress: Progress) -> None:
        """Bring over everything that PostgreSQL has at this moment, shard by shard. The mirror must count as incomplete meanwhile.

        Raises JournalCorrupt, JournalUnavailable.
        """
        newest = await self._primary.heads_at_once()
        filling = [asyncio.create_task(self._fill_shard(head.shard, head.sequence, progress)) for head in newest]
        try:
            await asyncio.gather(*filling)
        finally:
            for task in filling:
                task.cancel()
            await asyncio.gather(*filling, return_exceptions=True)

    async def _fill_shard(self, shard: int, target: int, progress: Progress) -> None:
        refusals = _Refusals()
        while (head := await self._mirror.head(shard)).sequence < target:
            batch: list[Record] = []
            try:
                async for record in self._primary.read(shard, head.sequence, target):
                    if not batch:
                        _check_follows([record], {shard: head})
                    if batch and not _fits([*batch, record]):
                        await self._mirror.take(batch)
                        progress(len(batch))
                        head, batch = _head_of(batch[-1]), []
                    batch.append(record)
                await self._mirror.take(batch)
                progress(len(batch))
            except Refused as error:
                await refusals.wait(error)


class _Refusals:
    """Others who bring over the same are as good as we: each time that we are refused, they have got further. But not for ever."""

    def __init__(self) -> None:
        self._count = 0

    async def wait(self, error: Refused) -> None:
        """Wait a moment. Raises JournalUnavailable instead if that has not helped so far."""
        self._count += 1
        if self._count > _REFUSALS_MAX:
            raise JournalUnavailable("others kept writing to the shards whose mirror was being completed") from error
        await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.5))


def _check_follows(missing: Iterable[Record], heads: Mapping[int, Head]) -> None:
    """Raise JournalCorrupt if a shard's first missing record does not follow the mirror's newest."""
    for record in missing:
        head = heads[record.shard]
        if record.sequence == head.sequence + 1 and record.previous_hash != head.hash:
            raise JournalCorrupt(f"shard {record.shard}, sequence {head.sequence}: DynamoDB has another record than PostgreSQL")


def _needed(appends: Sequence[Append], targets: Mapping[int, int]) -> list[Append]:
    """Return those of the appends, in their order, without which the shards cannot come up to their targets."""
    reach = dict(targets)
    needed: set[int] = set()
    # Backwards: what an append needs stands before it.
    for position in range(len(appends) - 1, -1, -1):
        records = appends[position]
        if any(record.sequence <= reach.get(record.shard, 0) for record in records):
            needed.add(position)
            for record in records:
                reach[record.shard] = max(reach.get(record.shard, 0), record.sequence)
    return [append for position, append in enumerate(appends) if position in needed]


def _transactions(appends: Iterable[Append]) -> Iterable[list[Record]]:
    """Divide the appends among transactions, each as a whole: one always fits.

    What a copy of a database shows as one append, because it was restored at once, may not, and is divided all the same: better than to
    stand still. A start fills the mirror before hosts can come to that.
    """
    taken: list[Record] = []
    for append in appends:
        if taken and not _fits([*taken, *append]):
            yield taken
            taken = []
        taken = [*taken, *append]
        while not _fits(taken):
            count = next(count for count in range(len(taken), 0, -1) if _fits(taken[:count]))
            yield taken[:count]
            taken = taken[count:]
    if taken:
        yield taken


def _head_of(record: Record) -> Head:
    return Head(record.shard, record.epoch, record.sequence, record.hash())


def _fits(records: Sequence[Record]) -> bool:
    inline_bytes = sum(size for record in records if (size := len(record.frame())) <= INLINE_BYTES)
    return len(records) + len({record.shard for record in records}) <= MAX_ITEMS and inline_bytes <= _TRANSACTION_BYTES
