"""The journal in two stores: PostgreSQL decides, DynamoDB mirrors, and nothing is acknowledged before both have it.

PostgreSQL comes first, so the mirror never has what PostgreSQL lacks, unless PostgreSQL has lost something. What a crash leaves in
PostgreSQL alone was acknowledged to nobody; whoever opens the shard next brings it to the mirror before they serve (see
`completion`). Seen from outside, a record counts as soon as both have it: `tail`, `head` and `read` show no earlier one, so that
nothing is published that the mirror could go on without.

The shard map and the snapshots are PostgreSQL's.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from processor.journal.age import seconds_behind
from processor.journal.batch import in_shard_order
from processor.journal.completion import Completion
from processor.journal.dynamodb.mirror import DynamoDbMirror, Refused
from processor.journal.interface import Head, JournalCorrupt, JournalUnavailable, Snapshot
from processor.journal.postgres import PostgresJournal
from processor.journal.record import Record


class MirroredJournal:
    """Implements Journal. `primary` and `mirror` are the two stores, for whoever compares them."""

    def __init__(self, primary: PostgresJournal, mirror: DynamoDbMirror) -> None:
        self.primary = primary
        self.mirror = mirror
        self._completion = Completion(primary, mirror)

    async def close(self) -> None:
        """Close all connections."""
        await self.primary.close()
        await self.mirror.close()

    async def shard_count(self) -> int:
        return await self.primary.shard_count()

    async def open(self, shard: int, epoch: int, at: int) -> Head:
        # Before the fence: if the mirror cannot be reached, there should not be one more fence with every attempt.
        await self._completion.check(shard)
        head = await self.primary.open(shard, epoch, at)
        # After the fence: nothing of an earlier owner can come any more.
        await self._completion.complete({shard: head.sequence})
        return head

    async def append(self, records: Sequence[Record]) -> None:
        if not records:
            return
        await self.primary.append(records)
        try:
            await self.mirror.take(records)
        except Refused:
            await self._require_mirrored(in_shard_order(records))

    async def confirm(self, epochs: Sequence[tuple[int, int]]) -> None:
        await self.primary.confirm(epochs)

    async def head(self, shard: int) -> Head:
        decided, mirrored = await asyncio.gather(self.primary.head(shard), self.mirror.head(shard))
        return Head(shard, decided.epoch, mirrored.sequence, mirrored.hash)

    async def read(self, shard: int, after: int, until: int | None = None) -> AsyncIterator[Record]:
        if until is None:
            until = (await self.mirror.head(shard)).sequence
        async for record in self.primary.read(shard, after, until):
            yield record

    async def tail(self, after: Mapping[int, int], limit_bytes: int) -> list[Record]:
        asked = dict(after)
        while records := await self.primary.tail(asked, limit_bytes):
            # Asked afterwards, so that only what is under way just now is held back.
            heads = await self.mirror.heads(sorted({record.shard for record in records}))
            shown = [record for record in records if record.sequence <= heads[record.shard].sequence]
            if shown:
                return shown
            # Nobody may come to complete these shards soon. The others need not wait for that.
            asked = {shard: sequence for shard, sequence in asked.items() if shard not in heads}
        return []

    async def record(self, shard: int, sequence: int) -> Record | None:
        return await self.primary.record(shard, sequence)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        await self.primary.save_snapshot(snapshot)

    async def latest_snapshot(self, shard: int) -> Snapshot | None:
        return await self.primary.latest_snapshot(shard)

    async def heads_at_once(self) -> list[Head]:
        """Return all heads as of one moment, as the store that decides has them."""
        return await self.primary.heads_at_once()

    async def mirror_lag(self) -> dict[int, float]:
        """Return, for each shard, the age in seconds of the oldest record that the mirror lacks, or 0."""
        # The mirror first: what is written meanwhile may look as if it were missing, but is very young.
        mirrored = await self.mirror.heads(range(await self.primary.shard_count()))
        decided = {head.shard: head.sequence for head in await self.primary.heads_at_once()}
        shards = list(decided)
        lags = (seconds_behind(self.primary, shard, mirrored[shard].sequence, decided[shard]) for shard in shards)
        return dict(zip(shards, await asyncio.gather(*lags), strict=True))

    async def _require_mirrored(self, records: Sequence[Record]) -> None:
        """Return if the mirror has the records already: whoever opened one of the shards meanwhile has brought them there."""
        stored = await self.mirror.hashes(records)
        wanted = [record.hash() for record in records]
        if stored == wanted:
            return
        for record, found in zip(records, stored, strict=True):
            if found is not None and found != record.hash():
                raise JournalCorrupt(
                    f"shard {record.shard}, sequence {record.sequence}: DynamoDB has another record than PostgreSQL"
                )
        places = ", ".join(f"{record.shard}:{record.sequence}" for record in records)
        raise JournalUnavailable(f"DynamoDB lacks what comes before the records (shard:sequence) {places}: open the shards again")
