"""Whether a database may carry a ledger: its version, and what it promises about durability."""

import asyncpg

from processor.journal.interface import LedgerUnusable
from processor.journal.postgres.queries import load_queries

OLDEST_VERSION = 14
_GUARANTEES = load_queries("ledger.sql")["guarantees"]


async def check_guarantees(connection: asyncpg.Connection) -> None:
    """Raise LedgerUnusable unless a commit on this connection means that the data is on disk."""
    row = await connection.fetchrow(_GUARANTEES)
    if row["version"] < OLDEST_VERSION * 10_000:
        raise LedgerUnusable(f"PostgreSQL {row['version'] // 10_000} is too old: use {OLDEST_VERSION} or newer")
    _require("fsync", row["fsync"], ("on",))
    _require("synchronous_commit", row["synchronous_commit"], ("on", "remote_apply"))
    if not row["aurora"]:
        _require("full_page_writes", row["full_page_writes"], ("on",))


def _require(setting: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise LedgerUnusable(f"PostgreSQL's setting {setting} is {value}, so an accepted payment could be lost: set it to on")
