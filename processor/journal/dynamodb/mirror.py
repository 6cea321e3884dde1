"""A journal in DynamoDB that follows another store: it takes the records that were decided there, as they are."""

from collections.abc import Sequence

from processor.journal.dynamodb.append import append, stored_hashes
from processor.journal.dynamodb.heads import read_heads
from processor.journal.dynamodb.journal import DynamoDbJournal
from processor.journal.dynamodb.ledger import is_complete, mark_complete
from processor.journal.dynamodb.link import Refused
from processor.journal.interface import Head
from processor.journal.record import Record

__all__ = ["DynamoDbMirror", "Refused"]


class DynamoDbMirror(DynamoDbJournal):
    """Has the same layout as a journal by itself, heads and epochs too, so that one day it can go on alone.

    Once it has done so, a shard's epoch is higher or its newest record another one, and nothing is taken any more.
    """

    may_be_incomplete = True

    async def take(self, records: Sequence[Record]) -> None:
        """Make records durable, all or none, in any order. Raises Refused (one does not follow), JournalUnavailable."""
        ordered = sorted(records, key=lambda record: (record.shard, record.sequence))
        await append(self._writer, ordered, raises_epoch=True)

    async def hashes(self, records: Sequence[Record]) -> list[bytes | None]:
        """Return the hashes that are stored at the places of these records."""
        return await stored_hashes(self._writer, records)

    async def heads(self, shards: Sequence[int]) -> dict[int, Head]:
        """Return the heads of shards."""
        return {stored.head.shard: stored.head for stored in await read_heads(self._readers, shards)}

    async def is_complete(self) -> bool:
        """Return whether it has had everything that was acknowledged since then."""
        return await is_complete(self._readers)

    async def mark_complete(self, complete: bool) -> None:
        """Note whether it has everything that was acknowledged."""
        await mark_complete(self._writer, complete)
