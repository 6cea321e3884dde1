"""The journal and the shard map in PostgreSQL (14 or newer) or Aurora PostgreSQL.

`create_ledger` makes or updates the schema; then each process connects a PostgresJournal and a PostgresShardMap.
"""

from processor.journal.interface import LedgerUnusable
from processor.journal.postgres.journal import PostgresJournal
from processor.journal.postgres.ledger import create_ledger
from processor.journal.postgres.link import Timeouts
from processor.journal.postgres.shard_map import PostgresShardMap

__all__ = ["LedgerUnusable", "PostgresJournal", "PostgresShardMap", "Timeouts", "create_ledger"]
