"""Creating a ledger in a database, and looking at the one that is there."""

from processor.journal.interface import LedgerUnusable
from processor.journal.postgres.link import Link, Timeouts
from processor.journal.postgres.migrations import migrate, pending_migrations
from processor.journal.postgres.queries import load_queries

MAX_SHARDS = 1024
_QUERIES = load_queries("ledger.sql")
# Names the right to change the schema among the database's advisory locks; any number that nobody else uses.
_MIGRATION_LOCK = 0x7061796D656E7473
# Changing large tables takes a while, and so does waiting for another process that does it.
_MIGRATION_TIMEOUTS = Timeouts(command_seconds=600.0)


async def create_ledger(dsn: str, shards: int, timeouts: Timeouts = _MIGRATION_TIMEOUTS) -> None:
    """Bring the schema up to date, and at the first call fix the number of shards. Any number of processes may do so at once.

    Raises LedgerUnusable (the ledger has another number of shards, the schema is newer than this program, the server does
    not guarantee durability), JournalUnavailable.
    """
    if not 1 <= shards <= MAX_SHARDS:
        raise LedgerUnusable(f"a ledger cannot have {shards} shards: choose 1 to {MAX_SHARDS}")
    link = Link(dsn, timeouts, durable=True)
    try:
        async with link.use() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
            await migrate(connection)
            present = await connection.fetchval(_QUERIES["shard_count"])
            if present is None:
                await connection.execute(_QUERIES["create_ledger"], shards)
            elif present != shards:
                raise LedgerUnusable(f"this ledger was created with {present} shards, not {shards}: set the number to {present}")
    finally:
        await link.close()


async def read_shard_count(link: Link) -> int:
    """Return the ledger's number of shards. Raises LedgerUnusable if there is none, or its schema is not this program's."""
    async with link.use() as connection:
        if await pending_migrations(connection):
            raise LedgerUnusable("the database holds no ledger of this version: create or update it first, as `payments up` does")
        shards: int = await connection.fetchval(_QUERIES["shard_count"])
    return shards
