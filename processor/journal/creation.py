"""Creating the ledger in DynamoDB beside the one in PostgreSQL, and refusing what would leave acknowledged records behind."""

import logging
from time import monotonic

from processor.journal.choice import connect_journal
from processor.journal.interface import JournalCorrupt, LedgerUnusable
from processor.journal.postgres import PostgresJournal
from processor.settings import Settings

logger = logging.getLogger(__name__)

_REPORT_SECONDS = 10.0


async def create_in_dynamodb(settings: Settings, beside_hosts: bool = False) -> None:
    """Create the ledger that the journal `mirrored` or `dynamodb` needs, in a table that is there, and complete a mirror.

    `beside_hosts`: hosts may be at work. What a complete mirror lacks is then what they are about to bring there, and left to them.

    Any number of processes may do so at once. The ledger in PostgreSQL must have been created; it is needed in any case, for what is
    made from the journal. Raises LedgerUnusable (it says what to do), JournalUnavailable.
    """
    from processor.journal.dynamodb import create_ledger
    from processor.journal.dynamodb.link import Link

    link = Link(settings, threads=1)
    try:
        await create_ledger(link, settings.shards, is_mirror=settings.journal == "mirrored")
    finally:
        link.close()
    if settings.journal == "mirrored":
        await _complete_mirror(settings, beside_hosts)
    else:
        await _require_all_in_dynamodb(settings)


async def _complete_mirror(settings: Settings, beside_hosts: bool) -> None:
    from processor.journal.completion import Completion
    from processor.journal.dynamodb.mirror import DynamoDbMirror

    primary = await PostgresJournal.connect(settings.database_url)
    mirror = await DynamoDbMirror.connect(settings)
    try:
        if beside_hosts and await mirror.is_complete():
            return
        completion = Completion(primary, mirror)
        mirrored = [await completion.check(shard) for shard in range(await primary.shard_count())]
        missing = sum(head.sequence for head in await primary.heads_at_once()) - sum(head.sequence for head in mirrored)
        if missing:
            # It is not known whether these were acknowledged: in a time without a mirror they were.
            await mirror.mark_complete(False)
            logger.info("bringing %d records to the mirror", missing)
            await completion.fill(_Report(missing))
        if missing or not await mirror.is_complete():
            await mirror.mark_complete(True)
    except JournalCorrupt as error:
        raise LedgerUnusable(f"{error}; deploy/journal.md says what to do") from error
    finally:
        await primary.close()
        await mirror.close()


async def _require_all_in_dynamodb(settings: Settings) -> None:
    """Raise LedgerUnusable if PostgreSQL has a journal, and DynamoDB has not all of it."""
    journal, former = await connect_journal(settings), await PostgresJournal.connect(settings.database_url)
    try:
        for head in await former.heads_at_once():
            if not head.sequence:
                continue
            there = await journal.record(head.shard, head.sequence)
            if there is None or there.hash() != head.hash:
                state = "lacks" if there is None else "has another record than"
                raise LedgerUnusable(
                    f"shard {head.shard}: DynamoDB {state} PostgreSQL's record {head.sequence}. Start once with PAYMENTS_JOURNAL=mirrored,"
                    " which brings all records to DynamoDB, and stop; deploy/journal.md says more"
                )
    finally:
        await former.close()
        await journal.close()


class _Report:
    """Says now and then how far it is."""

    def __init__(self, missing: int) -> None:
        self._missing = missing
        self._done = 0
        self._next_at = monotonic() + _REPORT_SECONDS

    def __call__(self, records: int) -> None:
        self._done += records
        if monotonic() >= self._next_at:
            logger.warning("brought %d of %d records to the mirror", self._done, self._missing)
            self._next_at = monotonic() + _REPORT_SECONDS
