"""Bringing back to PostgreSQL what DynamoDB has alone, so that PostgreSQL can decide again."""

from collections.abc import AsyncIterator, Callable

from processor.journal.dynamodb import DynamoDbJournal
from processor.journal.interface import Head, LedgerUnusable
from processor.journal.postgres import PostgresJournal
from processor.journal.record import Record
from processor.settings import Settings

_BATCH_BYTES = 4 * 1024 * 1024
_BATCH_RECORDS = 1_000


async def restore_postgres(settings: Settings, progress: Callable[[int, int], None]) -> int:
    """Put every record that PostgreSQL lacks back there, and return how many. May be cut off, and begun again.

    PostgreSQL's ledger must have been created, and be empty or an older state of the same ledger. No instance may run.
    `progress` is called with the number of records put back, and of those there are to put back.
    Raises LedgerUnusable (it says what to do), JournalUnavailable, JournalCorrupt.
    """
    journal = await DynamoDbJournal.connect(settings)
    target = await PostgresJournal.connect(settings.database_url)
    try:
        shards = range(await journal.shard_count())
        if await target.shard_count() != len(shards):
            raise LedgerUnusable(f"PostgreSQL has a ledger of {await target.shard_count()} shards, DynamoDB one of {len(shards)}")
        newest = [await journal.head(shard) for shard in shards]
        present = [await _require_older(journal, head) for head in await target.heads_at_once()]
        missing = sum(head.sequence for head in newest) - sum(present)
        restored = 0
        for head, after in zip(newest, present, strict=True):
            async for batch in _batches(journal.read(head.shard, after, head.sequence)):
                await target.restore(batch)
                restored += len(batch)
                progress(restored, missing)
            await target.restore_epoch(head.shard, head.epoch)
        return restored
    finally:
        await target.close()
        await journal.close()


async def _require_older(journal: DynamoDbJournal, head: Head) -> int:
    """Return how far PostgreSQL is. Raises LedgerUnusable if its newest record is not one of DynamoDB's."""
    record = await journal.record(head.shard, head.sequence) if head.sequence else None
    if head.sequence and (record is None or record.hash() != head.hash):
        raise LedgerUnusable(
            f"shard {head.shard}: DynamoDB does not have PostgreSQL's record {head.sequence}: restore into an empty database, or into an"
            " older state of the same ledger"
        )
    return head.sequence


async def _batches(records: AsyncIterator[Record]) -> AsyncIterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    async for record in records:
        batch.append(record)
        size += len(record.frame())
        if size >= _BATCH_BYTES or len(batch) == _BATCH_RECORDS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
