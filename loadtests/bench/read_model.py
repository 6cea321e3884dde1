"""A read model of a given size, made in the database itself: nothing but its tables is needed to measure lists."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from time import perf_counter

import asyncpg
import msgspec

from processor.core.messages import Leg
from processor.projections.snapshots import SCHEMA

ACCOUNTS_A_PAYMENT = 0.1
SHARDS = 8
PAYMENTS_A_RECORD = 10
_TABLES = files("processor.projections") / "sql" / "tables.sql"
_ROWS = Path(__file__).with_name("read_model.sql")
_SPLIT = (Leg("account-1", "account-2", 700, "EUR"), Leg("account-1", "account-3", 300, "EUR"))
_INDEXES = """
SELECT
    format('DROP INDEX %s', indexes.oid::regclass) AS drop_it, pg_get_indexdef(indexes.oid) AS make_it
FROM pg_index JOIN pg_class AS indexes ON indexes.oid = indexrelid
WHERE indexes.relnamespace = $1::text::regnamespace AND NOT indisprimary
UNION ALL
SELECT
    format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint
WHERE connamespace = $1::text::regnamespace AND contype = 'p'
"""


async def make_read_model(database_url: str, payments: int) -> float:
    """Make the schema with so many payments, twice as many entries, and statistics of both; return the seconds that it took."""
    started = perf_counter()
    settings = {"search_path": SCHEMA, "maintenance_work_mem": "1GB", "work_mem": "256MB"}
    connection = await asyncpg.connect(database_url, server_settings=settings)
    try:
        # In the transaction that made them, tables are filled without a log.
        async with connection.transaction():
            await connection.execute(f"CREATE SCHEMA {SCHEMA}")
            await connection.execute(_TABLES.read_text(encoding="utf-8"))
            indexes = await connection.fetch(_INDEXES, SCHEMA)
            await _run(connection, [index["drop_it"] for index in indexes])
            await _fill(connection, payments)
            await _run(connection, [index["make_it"] for index in indexes])
        # As autovacuum leaves a table behind that only grows.
        await connection.execute("VACUUM (ANALYZE) payments, entries, payment_accounts")
        # What was loaded is written out now, and not while something is measured.
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return perf_counter() - started


def account_count(payments: int) -> int:
    """Return between how many accounts so many payments are made."""
    return round(payments * ACCOUNTS_A_PAYMENT)


async def _fill(connection: asyncpg.Connection, payments: int) -> None:
    legs = msgspec.msgpack.encode(_SPLIT).hex()
    for name, value in (("payments", payments), ("accounts", account_count(payments)), ("legs", legs)):
        await connection.execute("SELECT set_config($1, $2, true)", f"bench.{name}", str(value))
    await connection.execute(_ROWS.read_text(encoding="utf-8"))


async def _run(connection: asyncpg.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        await connection.execute(statement)
