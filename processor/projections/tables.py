"""The read model's tables, as a projector reads and writes them. Its connection's search_path names the schema."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import asyncpg

from processor.core.ensure import ensure
from processor.projections.memory import Begun, Memory, Standing, decode_beginning
from processor.projections.queries import load_queries
from processor.projections.rows import Amounts, Rows

QUERIES = load_queries("projector.sql")
_COPIED = (
    "accounts", "payments", "outcomes", "payment_accounts", "payment_currencies", "transfers",
)  # fmt: skip
_account_of = itemgetter(0)


async def read_memories(connection: asyncpg.Connection, shards: Iterable[int]) -> dict[int, Memory]:
    """Return what the folds of these shards must remember, as the tables tell it."""
    memories = {shard: Memory({}, {}) for shard in shards}
    for row in await connection.fetch(QUERIES["accounts_with_pending"]):
        standing = Standing(row["posted"], row["pending_out"], row["pending_in"])
        memories[row["shard"]].standings[row["account"]] = standing
    for row in await connection.fetch(QUERIES["open_transfers"]):
        begun = Begun(row["at"], row["sequence"], row["index"], decode_beginning(row["event"]))
        memories[row["shard"]].transfers[row["home"], row["number"]] = begun
    return memories


async def read_posted(connection: asyncpg.Connection, accounts: Sequence[str]) -> dict[str, int]:
    """Return the accounts' posted balances after their newest lines; 0 where there is none yet."""
    found = {row["account"]: row["posted"] for row in await connection.fetch(QUERIES["posted"], accounts)}
    return {account: found.get(account, 0) for account in accounts}


async def write_rows(connection: asyncpg.Connection, rows: Rows) -> None:
    """Write everything, inside the caller's transaction. Raises Broken if a row to be changed is not there."""
    for table in _COPIED:
        made = getattr(rows, table)
        if made:
            await connection.copy_records_to_table(table, records=made.values() if isinstance(made, dict) else made)
    if rows.entries:
        # By account, the lines go into the primary key from left to right: its pages are still at hand for the next one.
        await connection.copy_records_to_table("entries", records=sorted(rows.entries, key=_account_of))
    if rows.account_changes:
        changes = [(account, c.status, c.pending_out, c.pending_in) for account, c in rows.account_changes.items()]
        await _change(connection, "change_accounts", changes)
    if rows.payment_changes:
        await _change(connection, "change_payments", [
            (*key, c.status, _array(c.held), _array(c.captured), _array(c.refunded), c.changed)
            for key, c in rows.payment_changes.items()
        ])  # fmt: skip
    if rows.ended_transfers:
        await _change(connection, "end_transfers", rows.ended_transfers)


async def _change(connection: asyncpg.Connection, query: str, changes: Sequence[tuple[Any, ...]]) -> None:
    status: str = await connection.execute(QUERIES[query], *zip(*changes, strict=True))
    ensure(status.endswith(f" {len(changes)}"), f"every row to be changed is there: {query} of {len(changes)} gave {status}")


def _array(amounts: Amounts) -> str:
    """Return the text of an array: unnest would take arrays of arrays apart to their numbers."""
    return "{" + ",".join(map(str, amounts)) + "}"
