"""The journal, the shard map and the archive that the settings name."""

from processor.core.ledger import Retention
from processor.journal import choice
from processor.journal.choice import OpenJournal, OpenShardMap
from processor.journal.interface import Journal
from processor.projections.archive import PostgresArchive
from processor.settings import Settings


async def connect_journal(settings: Settings) -> tuple[OpenJournal, OpenShardMap]:
    """Connect to both. Raises JournalUnavailable, or LedgerUnusable if a store must not be used."""
    return await choice.connect_journal(settings), await choice.connect_shard_map(settings)


async def connect_archive(settings: Settings, journal: Journal) -> PostgresArchive:
    """Connect to what was made from the journal. The connections themselves are opened when they are needed."""
    return await PostgresArchive.connect(settings.database_url, journal)


def retention(settings: Settings) -> Retention:
    """Return how much of the past shards keep in memory."""
    filter_bytes = 1 << (settings.key_filter_bytes - 1).bit_length()
    return Retention(settings.memory_outcomes, int(settings.memory_seconds * 1_000_000), filter_bytes)
