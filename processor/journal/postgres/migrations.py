"""The schema's history: files that are applied in order, once, and never changed afterwards."""

from hashlib import sha256
from importlib.resources import files

import asyncpg
import msgspec

from processor.journal.interface import LedgerUnusable
from processor.journal.postgres.queries import load_queries

_QUERIES = load_queries("ledger.sql")


class Migration(msgspec.Struct, frozen=True):
    """One step: `name` orders it, `sha256` proves that it is still the one that was applied."""

    name: str
    sha256: str
    sql: str


def known_migrations() -> list[Migration]:
    """Return all migrations that this program knows, in order."""
    found = []
    for file in (files(__package__) / "sql" / "migrations").iterdir():
        if file.name.endswith(".sql"):
            sql = file.read_text(encoding="utf-8")  # Line ends are read alike, however the file was checked out.
            found.append(Migration(file.name.removesuffix(".sql"), sha256(sql.encode()).hexdigest(), sql))
    return sorted(found, key=lambda migration: migration.name)


async def migrate(connection: asyncpg.Connection) -> None:
    """Apply what is missing. Call it inside a transaction that keeps others out. Raises LedgerUnusable."""
    if not await connection.fetchval(_QUERIES["has_schema"]):
        await connection.execute("CREATE SCHEMA payments")
    await connection.execute(_QUERIES["create_migrations_table"])
    for migration in await pending_migrations(connection):
        await connection.execute(migration.sql)
        await connection.execute(_QUERIES["note_migration"], migration.name, migration.sha256)


async def pending_migrations(connection: asyncpg.Connection) -> list[Migration]:
    """Return the known migrations that the database has not had yet. Raises LedgerUnusable if it had others than we know."""
    if not await connection.fetchval(_QUERIES["has_migrations"]):
        return known_migrations()
    applied = {row["name"]: row["sha256"] for row in await connection.fetch(_QUERIES["applied_migrations"])}
    known = known_migrations()
    unknown = sorted(applied.keys() - {migration.name for migration in known})
    if unknown:
        raise LedgerUnusable(f"a newer program has updated the database ({unknown[0]}): use that one, or a newer one")
    for migration in known:
        if applied.get(migration.name, migration.sha256) != migration.sha256:
            raise LedgerUnusable(f"migration {migration.name} is not the one that the database had: restore its file")
    return [migration for migration in known if migration.name not in applied]
