"""The read model as its tables have it: sums over all rows, and every account, in one consistent look."""

import asyncpg
import msgspec

from processor.audit.sums import captured_hash, entry_hash, made_hash, outcome_hash, refunded_hash
from processor.core.routing import shard_of
from processor.core.shard import Shard
from processor.journal.postgres.login import login
from processor.projections.archived_payment import payment_of
from processor.projections.queries import load_queries
from processor.projections.snapshots import SCHEMA

_QUERIES = load_queries("audit.sql")
_ROWS_AHEAD = 5_000

Total = list[int]
"""[how many rows, sum of their hashes]"""


class TableAccount(msgspec.Struct):
    """An account as the tables have it."""

    currency: str
    min_balance: int | None
    max_balance: int | None
    status: str
    posted: int = 0
    pending_out: int = 0
    pending_in: int = 0


class ShardTables(msgspec.Struct):
    """One shard's part of the tables, as of its record `position`."""

    position: int
    entries: Total
    payments: Total
    outcomes: Total
    accounts: dict[str, TableAccount]

    def differences(self, state: Shard, sums: dict[str, tuple[int, int]]) -> list[str]:
        """Return how the tables differ from the state after the same record, and from what the journal sums to until then."""
        found = []
        for table, total in (("entries", self.entries), ("payments", self.payments), ("outcomes", self.outcomes)):
            count, value = sums[table]
            if total != [count, value]:
                rows = (
                    f"{total[0]} rows where the journal makes {count}"
                    if total[0] != count
                    else "other rows than the journal makes"
                )
                found.append(f"shard {state.number}: the table {table} has {rows} until record {self.position}")
        for name, account in state.accounts.items():
            table_account = self.accounts.get(name)
            expected = TableAccount(
                account.currency, account.min_balance, account.max_balance, account.status,
                account.posted, account.pending_out, account.pending_in,
            )  # fmt: skip
            if table_account != expected:
                found.append(f"shard {state.number}: the tables have account {name} as {table_account}, it is {expected}")
        for name in self.accounts.keys() - state.accounts.keys():
            found.append(f"shard {state.number}: the tables have an account {name} that was never opened")
        return found


async def read_tables(database_url: str, shards: int) -> dict[int, ShardTables] | None:
    """Return every shard's part of the tables, or None if there are none. Raises OSError and asyncpg's errors."""
    connection = await asyncpg.connect(**login(database_url), server_settings={"search_path": SCHEMA})
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if not await connection.fetchval(_QUERIES["has_tables"]):
                return None
            return await _read(connection, shards)
    finally:
        await connection.close()


async def _read(connection: asyncpg.Connection, shards: int) -> dict[int, ShardTables]:
    tables = {shard: ShardTables(0, [0, 0], [0, 0], [0, 0], {}) for shard in range(shards)}
    for row in await connection.fetch(_QUERIES["positions"]):
        tables[row["shard"]].position = row["sequence"]
    async for row in connection.cursor(_QUERIES["accounts"], prefetch=_ROWS_AHEAD):
        account, shard, *terms = row
        tables[shard].accounts[account] = TableAccount(*terms)
    async for row in connection.cursor(_QUERIES["entries"], prefetch=_ROWS_AHEAD):
        account, sequence, amount, posted, pending_out, pending_in, *payment = row
        shard = tables[shard_of(account, shards)]
        if amount:
            _add(shard.entries, entry_hash(account, sequence, amount, posted, tuple(payment)))
        known = shard.accounts.get(account)
        if known is not None:
            known.posted, known.pending_out, known.pending_in = posted, pending_out, pending_in
    async for row in connection.cursor(_QUERIES["payments"], prefetch=_ROWS_AHEAD):
        _add(tables[row["shard"]].payments, _payment_hash(row))
    async for key, shard_number, outcome in connection.cursor(_QUERIES["outcomes"], prefetch=_ROWS_AHEAD):
        _add(tables[shard_number].outcomes, outcome_hash(key, outcome))
    return tables


def _payment_hash(row: asyncpg.Record) -> int:
    payment = payment_of(row)
    key = payment.key
    return (
        captured_hash(key, payment.held, payment.captured)
        + refunded_hash(key, payment.refunded)
        + made_hash(key, payment.at, payment.legs, payment.expires_at, payment.reference, payment.metadata)
    )


def _add(total: Total, value: int) -> None:
    total[0] += 1
    total[1] += value
