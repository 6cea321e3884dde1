"""A copy of a ledger's journal in a database of its own, which nobody serves, to be changed behind its back."""

import asyncio
from subprocess import CompletedProcess

import asyncpg

from processor.journal.postgres import create_ledger
from processor.journal.record import Record, frame_hash
from tests.system.instance import Instance, new_folder
from tests.system.ledger.conftest import SHARDS
from tests.system.ledger.journal_reading import Row, execute_many, read_records

TABLES = {"shards": "shard, epoch, host", "journal_records": "shard, sequence, epoch, recorded_at, hash, frame"}

Rows = dict[str, list[Row]]


class Copy:
    """The copy; rows of the original fill it."""

    def __init__(self, url: str, rows: Rows) -> None:
        self.url = url
        self._unserved = Instance(new_folder(), database_url=url, shards=SHARDS)
        asyncio.run(_fill(url, rows))

    def verify(self) -> CompletedProcess[str]:
        """Run `payments verify` on the copy."""
        return self.run("verify", "--offline")

    def run(self, *arguments: str) -> CompletedProcess[str]:
        """Run a command on the copy."""
        return self._unserved.run(*arguments)

    def records(self, shard: int) -> list[Record]:
        """Return a shard's records in order."""
        return read_records(self.url, SHARDS)[shard]

    def replace(self, *records: Record) -> None:
        """Put other records, with their right hashes, in the place of those that are there."""
        execute_many(
            self.url,
            "UPDATE payments.journal_records SET frame = $3, hash = $4 WHERE shard = $1 AND sequence = $2",
            [(record.shard, record.sequence, record.frame(), frame_hash(record.frame())) for record in records],
        )

    def remove(self) -> None:
        """Remove its folder; the database is whose it was."""
        self._unserved.remove()


async def read_rows(source_url: str) -> Rows:
    """Return what makes a ledger, as of one moment."""
    source = await asyncpg.connect(source_url)
    try:
        async with source.transaction(isolation="repeatable_read", readonly=True):
            return {
                table: [tuple(row) for row in await source.fetch(f"SELECT {columns} FROM payments.{table}")]
                for table, columns in TABLES.items()
            }
    finally:
        await source.close()


async def _fill(target_url: str, rows: Rows) -> None:
    await create_ledger(target_url, SHARDS)
    target = await asyncpg.connect(target_url)
    try:
        await target.execute("DELETE FROM payments.shards")
        for table, columns in TABLES.items():
            await target.copy_records_to_table(table, schema_name="payments", columns=columns.split(", "), records=rows[table])
    finally:
        await target.close()
