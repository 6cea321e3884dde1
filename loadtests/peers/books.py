"""The tables of the PostgreSQL peers: made, emptied before each load, and checked after it."""

from collections.abc import Collection, Sequence
from importlib.resources import files

import asyncpg

from loadtests.bench.failure import BenchFailed
from processor.journal.postgres.queries import load_queries

CURRENCY = "EUR"
_QUERIES = load_queries("books.sql", __package__)
_SCHEMA = ("tables.sql", "make_payment.sql", "make_payments.sql")


class Books:
    """The peers' tables in one database."""

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url

    async def create(self) -> None:
        """Make tables and procedures in an empty schema."""
        connection = await asyncpg.connect(self.database_url)
        try:
            for name in _SCHEMA:
                await connection.execute((files("loadtests.peers.services") / "sql" / name).read_text(encoding="utf-8"))
        finally:
            await connection.close()

    async def begin(self, accounts: Sequence[str], balance: int = 0, min_balance: int | None = None) -> None:
        """Empty everything, open the accounts, and leave the server nothing to catch up with."""
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute(_QUERIES["empty_tables"])
            await connection.execute(_QUERIES["open_accounts"], list(accounts), CURRENCY, balance, min_balance)
            await connection.execute("VACUUM (ANALYZE) accounts")
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()

    async def check(self, acknowledged: Collection[str]) -> None:
        """Raise BenchFailed unless the books balance and hold exactly one payment for each acknowledged key."""
        connection = await asyncpg.connect(self.database_url)
        try:
            totals = await connection.fetchrow(_QUERIES["totals"])
            keys = [row["idempotency_key"] for row in await connection.fetch(_QUERIES["keys"])]
        finally:
            await connection.close()
        problems = _problems(dict(totals)) + _wrong_keys(keys, acknowledged)
        if problems:
            raise BenchFailed(f"a peer's books are wrong: {'; '.join(problems)}")


def _problems(totals: dict[str, int]) -> list[str]:
    payments = totals["payments"]
    expected = {
        "events": payments,
        "payments_told": payments,
        "entries": 2 * payments,
        "unbalanced_payments": 0,
        "wrong_balances": 0,
        "overdrawn_accounts": 0,
    }
    return [f"{name} is {totals[name]:,}, not {value:,}" for name, value in expected.items() if totals[name] != value]


def _wrong_keys(keys: Sequence[str], acknowledged: Collection[str]) -> list[str]:
    found = set(keys)
    if len(found) == len(keys) and found == set(acknowledged):
        return []
    missing, unknown = len(set(acknowledged) - found), len(found - set(acknowledged))
    return [f"{missing:,} acknowledged payments are missing, {unknown:,} were not acknowledged, {len(keys) - len(found):,} twice"]
