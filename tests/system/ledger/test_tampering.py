"""A journal that somebody has changed behind the ledger's back: `payments verify` finds it and says where."""

import asyncio
from collections.abc import Callable, Iterator
from subprocess import CompletedProcess

import asyncpg
import msgspec
import pytest

from processor.core import events as e
from processor.journal.postgres import create_ledger
from processor.journal.record import Record, frame_hash, parse_frame
from processor.local.postgres import EmbeddedPostgres
from tests.system.instance import Instance, new_folder
from tests.system.ledger.books import Books
from tests.system.ledger.conftest import SHARDS

TABLES = {"shards": "shard, epoch, host", "journal_records": "shard, sequence, epoch, recorded_at, hash, frame"}


class Copy:
    """A copy of a ledger in a database of its own, which nobody serves."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._unserved = Instance(new_folder(), database_url=url, shards=SHARDS)

    def verify(self) -> CompletedProcess[str]:
        """Run `payments verify` on the copy."""
        return self._unserved.run("verify", "--offline")

    def change(self, statement: str, *rows: tuple[object, ...]) -> None:
        """Run one statement for each row of arguments."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url)
            try:
                await connection.executemany(statement, rows)
            finally:
                await connection.close()

        asyncio.run(run())

    def records(self, shard: int) -> list[Record]:
        """Return a shard's records in order."""

        async def fetch() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.url)
            try:
                statement = "SELECT frame FROM payments.journal_records WHERE shard = $1 ORDER BY sequence"
                return list(await connection.fetch(statement, shard))
            finally:
                await connection.close()

        return [parse_frame(row["frame"]) for row in asyncio.run(fetch())]

    def replace(self, *records: Record) -> None:
        """Put other records, with their right hashes, in the place of those that are there."""
        self.change(
            "UPDATE payments.journal_records SET frame = $3, hash = $4 WHERE shard = $1 AND sequence = $2",
            *((record.shard, record.sequence, record.frame(), frame_hash(record.frame())) for record in records),
        )


async def _copy(source_url: str, target_url: str) -> None:
    await create_ledger(target_url, SHARDS)
    source, target = await asyncpg.connect(source_url), await asyncpg.connect(target_url)
    try:
        await target.execute("DELETE FROM payments.shards")
        async with source.transaction(isolation="repeatable_read", readonly=True):
            for table, columns in TABLES.items():
                rows = await source.fetch(f"SELECT {columns} FROM payments.{table}")
                names = columns.split(", ")
                await target.copy_records_to_table(table, schema_name="payments", columns=names, records=rows)
    finally:
        await source.close()
        await target.close()


@pytest.fixture
def copy(books: Books, database_url: str) -> Iterator[Copy]:
    """A copy of the shared instance's ledger, with some payments in it, whose proof holds."""
    books.send(books.supply.batch(200))
    books.check()
    server = EmbeddedPostgres(books.instance.data_folder / "postgres")
    asyncio.run(_copy(server.running_dsn(), database_url))
    made = Copy(database_url)
    untouched = made.verify()
    assert untouched.returncode == 0, untouched.stdout + untouched.stderr
    yield made


def flip_a_byte(copy: Copy, record: Record) -> None:
    frame = bytearray(record.frame())
    frame[-1] ^= 1
    statement = "UPDATE payments.journal_records SET frame = $3 WHERE shard = $1 AND sequence = $2"
    copy.change(statement, (record.shard, record.sequence, bytes(frame)))


def remove_it(copy: Copy, record: Record) -> None:
    statement = "DELETE FROM payments.journal_records WHERE shard = $1 AND sequence = $2"
    copy.change(statement, (record.shard, record.sequence))


def forge_an_amount(copy: Copy, record: Record) -> None:
    """Change an amount and mend checksum and hash of the record, but not of its successors."""
    copy.replace(msgspec.structs.replace(record, payload=_richer(record.payload), _frame=None, _hash=None))


def forge_an_amount_and_all_hashes(copy: Copy, record: Record) -> None:
    """Change an amount and mend the whole chain after it: only the rules of money are left to contradict."""
    forged = [msgspec.structs.replace(record, payload=_richer(record.payload), _frame=None, _hash=None)]
    for follower in copy.records(record.shard)[record.sequence :]:
        forged.append(msgspec.structs.replace(follower, previous_hash=forged[-1].hash(), _frame=None, _hash=None))
    copy.replace(*forged)


def _payments_within_shard(payload: bytes) -> list[tuple[int, e.Paid]]:
    return [(index, event) for index, event in enumerate(e.decode_events(payload)) if isinstance(event, e.Paid)]


def _richer(payload: bytes) -> bytes:
    """Return the events with one cent more in the first payment within the shard."""
    events = list(e.decode_events(payload))
    index, paid = _payments_within_shard(payload)[0]
    events[index] = msgspec.structs.replace(paid, amount=paid.amount + 1)
    return msgspec.msgpack.encode(events)


@pytest.mark.parametrize("tamper", [flip_a_byte, remove_it, forge_an_amount, forge_an_amount_and_all_hashes])
def test_a_changed_journal_is_found_and_the_record_named(copy: Copy, tamper: Callable[[Copy, Record], None]) -> None:
    shard = 0
    # Not the newest record: that one has no follower whose hash would contradict.
    record = [record for record in copy.records(shard)[:-1] if _payments_within_shard(record.payload)][-1]
    tamper(copy, record)
    proof = copy.verify()
    assert proof.returncode == 1, proof.stdout + proof.stderr
    (first, *_) = (line for line in proof.stdout.splitlines() if line.startswith("problem:"))
    assert first.startswith(f"problem: shard {shard}: the journal breaks after record {record.sequence - 1}: ")
    assert "Traceback" not in proof.stdout + proof.stderr
