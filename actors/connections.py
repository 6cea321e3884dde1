"""The journal and the shard map that the settings name."""

from processor.journal.postgres import PostgresJournal, PostgresShardMap
from processor.settings import Settings


async def connect_journal(settings: Settings) -> tuple[PostgresJournal, PostgresShardMap]:
    """Connect to both. Raises JournalUnavailable, or LedgerUnusable if the database must not be used."""
    journal = await PostgresJournal.connect(settings.database_url)
    shard_map = await PostgresShardMap.connect(settings.database_url, lease_seconds=settings.lease_seconds)
    return journal, shard_map
