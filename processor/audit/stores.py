"""Whether the two stores of a mirrored journal hold the same, record by record."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

from processor.audit.problems import Problems
from processor.journal.interface import Head, JournalCorrupt
from processor.journal.mirrored import MirroredJournal
from processor.journal.record import Record

# An instance that runs brings what is in PostgreSQL to the mirror within milliseconds.
_UNDER_WAY_SECONDS = 3.0
_POLL_SECONDS = 0.05


async def compare_stores(journal: MirroredJournal) -> list[str]:
    """Return what differs, at most the first thing of each shard's records. An instance may run meanwhile.

    Raises JournalUnavailable.
    """
    problems = Problems()
    if not await journal.mirror.is_complete():
        problems.report("DynamoDB counts as incomplete: the next start with PAYMENTS_JOURNAL=mirrored completes it")
    for shard in range(await journal.shard_count()):
        await _compare_shard(journal, shard, problems)
    return problems.texts


async def _compare_shard(journal: MirroredJournal, shard: int, problems: Problems) -> None:
    decided = await journal.primary.head(shard)
    mirrored = await _mirrored(journal, decided)
    try:
        newest = await _compare_records(journal, shard, mirrored.sequence)
    except JournalCorrupt as error:
        problems.report(str(error))
        return
    if mirrored.sequence < decided.sequence:
        problems.report(
            f"shard {shard}: DynamoDB lacks the records {mirrored.sequence + 1} to {decided.sequence}; if they were acknowledged to"
            " nobody, because a host died under way, the next start brings them there"
        )
    if newest is not None and (newest.hash(), newest.epoch) != (mirrored.hash, mirrored.epoch):
        problems.report(f"shard {shard}: DynamoDB's head has another hash or epoch than its newest record, {newest.sequence}")


async def _mirrored(journal: MirroredJournal, decided: Head) -> Head:
    """Return the mirror's head, once it has what PostgreSQL had, or after a while."""
    give_up_at = monotonic() + _UNDER_WAY_SECONDS
    while True:
        head = await journal.mirror.head(decided.shard)
        if head.sequence >= decided.sequence or monotonic() > give_up_at:
            return head
        await asyncio.sleep(_POLL_SECONDS)


async def _compare_records(journal: MirroredJournal, shard: int, until: int) -> Record | None:
    """Return the newest of the records up to there, if there is any. Raises JournalCorrupt where the stores part."""
    newest: Record | None = None
    reading = {
        "PostgreSQL": journal.primary.read(shard, 0, until),
        "DynamoDB": journal.mirror.read(shard, 0, until),
    }
    for sequence in range(1, until + 1):
        decided, mirrored = [await _next(store, records, shard, sequence) for store, records in reading.items()]
        if decided.frame() != mirrored.frame():
            raise JournalCorrupt(f"shard {shard}, sequence {sequence}: DynamoDB has another record than PostgreSQL")
        newest = mirrored
    return newest


async def _next(store: str, records: AsyncIterator[Record], shard: int, sequence: int) -> Record:
    try:
        record = await anext(records, None)
    except JournalCorrupt as error:
        raise JournalCorrupt(f"in {store}: {error}") from error
    if record is None:
        raise JournalCorrupt(f"shard {shard}, sequence {sequence}: {store} does not have the record")
    return record
