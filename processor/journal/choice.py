"""The journal and the shard map that the settings name."""

from typing import Protocol, runtime_checkable

from processor.journal.interface import Head, Journal, ShardMap
from processor.journal.postgres import PostgresJournal, PostgresShardMap
from processor.settings import Settings

# boto3 is imported only where it is used: it takes a moment and some memory in every process.


class OpenJournal(Journal, Protocol):
    """A journal with connections of its own."""

    async def close(self) -> None:
        """Close all connections."""
        ...


@runtime_checkable
class AtOnce(Protocol):
    """A journal that can tell all heads as of one moment: of every append all records are before them, or none."""

    async def heads_at_once(self) -> list[Head]:
        """Return them, in the order of the shards. Raises JournalUnavailable."""
        ...


@runtime_checkable
class Mirroring(Protocol):
    """A journal in two stores. It is known by what it can tell, so that its clients are imported only where it is used."""

    async def mirror_lag(self) -> dict[int, float]:
        """Return, for each shard, the age in seconds of the oldest record that the mirror lacks, or 0. Raises JournalUnavailable."""
        ...


class OpenShardMap(ShardMap, Protocol):
    """A shard map with connections of its own."""

    async def close(self) -> None:
        """Close all connections."""
        ...


async def connect_journal(settings: Settings) -> OpenJournal:
    """Return the journal, ready to be used. Raises JournalUnavailable, and LedgerUnusable if it must not be used."""
    if settings.journal == "dynamodb":
        from processor.journal.dynamodb import DynamoDbJournal

        return await DynamoDbJournal.connect(settings)
    primary = await PostgresJournal.connect(settings.database_url)
    if settings.journal == "postgres":
        return primary
    from processor.journal.dynamodb.mirror import DynamoDbMirror
    from processor.journal.mirrored import MirroredJournal

    try:
        return MirroredJournal(primary, await DynamoDbMirror.connect(settings))
    except BaseException:
        await primary.close()
        raise


async def connect_shard_map(settings: Settings) -> OpenShardMap:
    """Return the shard map, which stands in the store that decides. Raises JournalUnavailable, LedgerUnusable."""
    if settings.journal == "dynamodb":
        from processor.journal.dynamodb import DynamoDbShardMap

        return await DynamoDbShardMap.connect(settings, settings.lease_seconds)
    return await PostgresShardMap.connect(settings.database_url, lease_seconds=settings.lease_seconds)


def apart(journal: Journal) -> Journal | None:
    """Return the journal if it has to be asked through its interface, and None if it is a table in the database of the read model,
    which can be read together with that."""
    return None if isinstance(journal, PostgresJournal) else journal
