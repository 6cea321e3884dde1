"""Bringing to the mirror what only PostgreSQL has.

The mirror must be able to go on alone at any moment, and a payment over two shards has records in both, in one append. So the
mirror takes appends as a whole or not at all, in an order that leaves no gap: to complete one shard, the appends that its missing
records belong to are brought over with all of their shards, and with what those need before. What is brought over is usually the
one append that a dead host left behind.
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
# Others who complete shards of the same appends are as good as we: each time that we are refused, they have got further.
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

    async def complete(self, targets: Mapping[int, int], progress: Progress = lambda records: None) -> None:
        """Bring over everything up to these sequences by shard. Raises JournalCorrupt, JournalUnavailable."""
        shards = range(await self._primary.shard_count())
        refusals = 0
        while True:
            heads = await self._mirror.heads(shards)
            behind = {shard: target for shard, target in targets.items() if heads[shard].sequence < target}
            if not behind:
                return
            missing = await self._primary.appended_after(
                {shard: heads[shard].sequence for shard in shards}, _RECORDS_OF_SHARD, _LOOK_BYTES
            )
            _check_follows(missing, heads)
            appends = _needed([[record for _, record in rows] for _, rows in groupby(missing, itemgetter(0))], behind)
            if not appends:
                raise JournalUnavailable("PostgreSQL does not show the records that the mirror lacks")
            try:
                for transaction in _transactions(appends):
                    await self._mirror.take(transaction)
                    progress(len(transaction))
                refusals = 0
            except Refused as error:
                refusals += 1
                if refusals > _REFUSALS_MAX:
                    raise JournalUnavailable("others kept writing to the shards whose mirror was being completed") from error
                await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.5))


def _check_follows(missing: Iterable[tuple[int, Record]], heads: Mapping[int, Head]) -> None:
    """Raise JournalCorrupt if a shard's first missing record does not follow the mirror's newest."""
    for _, record in missing:
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
    """Divide the appends among transactions, each as a whole.

    Records that a restored copy of a database shows as one append, because it wrote them at once, are divided all the same; as long
    as they are being brought over the mirror counts as incomplete.
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


def _fits(records: Sequence[Record]) -> bool:
    inline_bytes = sum(size for record in records if (size := len(record.frame())) <= INLINE_BYTES)
    return len(records) + len({record.shard for record in records}) <= MAX_ITEMS and inline_bytes <= _TRANSACTION_BYTES
