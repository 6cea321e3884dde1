"""What analysts are given: the example queries on the recorded files give the ledger's numbers, and loads into a warehouse no repeats."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import asyncpg
import duckdb
import msgspec
import pyarrow.parquet as pq
import pytest

from processor.bridges.s3.tables import ENTRIES, EVENTS, SCHEMAS
from processor.core.account import Account
from processor.eventlog.event import AboutBalances, AboutPayment, EntryData, Operation, PublishedEvent
from tests.aws import EmulatedAws
from tests.contract.lake import ANALYTICS, ask, listed, open_lake, statements
from tests.contract.recording import CHAPTERS, Recording, recording, tell_refusals
from tests.unit.eventlog.stories import last_payments

pytestmark = pytest.mark.anyio
DAY = "2023-11-14"


@pytest.fixture
async def scene(aws: EmulatedAws, database_url: str, anyio_backend: str) -> AsyncIterator[Recording]:
    """The whole story in S3, in three flushes, with files of a crashed flush beside it."""
    settings = aws.settings(s3_flush_seconds=0.1)
    aws.client("s3").create_bucket(Bucket=settings.s3_bucket)
    async with recording(settings, database_url) as scene:
        await CHAPTERS[0](scene.story)
        crashed = scene.sink()
        await crashed.open()
        await crashed.publish((await scene.published())[:9])
        await crashed.close()
        await scene.record()
        for chapter in (*CHAPTERS[1:4], tell_refusals):
            await chapter(scene.story)
        await scene.record()
        for chapter in CHAPTERS[4:]:
            await chapter(scene.story)
        await scene.record()
        yield scene


@pytest.fixture
async def lake(scene: Recording, tmp_path: Path) -> AsyncIterator[duckdb.DuckDBPyConnection]:
    lake = await open_lake(scene, tmp_path)
    yield lake
    lake.close()


def accounts_of(scene: Recording) -> dict[str, Account]:
    """The ledger's accounts, as the core makes them of the journal."""
    return {name: account for shard in (0, 1) for name, account in scene.story.replayed(shard).accounts.items()}


def entries_of(events: Iterable[PublishedEvent]) -> Iterator[tuple[PublishedEvent, str, Operation, EntryData]]:
    """Every posted line, with its event, payment and operation."""
    for event in events:
        if isinstance(event.data, AboutPayment | AboutBalances):
            payment = event.data.payment.id if isinstance(event.data, AboutPayment) else event.data.payment_id
            for entry in event.data.entries:
                yield event, payment, event.data.operation, entry


async def test_the_example_queries_give_the_ledgers_numbers(scene: Recording, lake: duckdb.DuckDBPyConnection) -> None:
    accounts, events = accounts_of(scene), await scene.published()
    lines, payments = list(entries_of(events)), last_payments(events)

    expected: list[tuple[Any, ...]] = []
    for currency in ("EUR", "USD"):
        some = [account for account in accounts.values() if account.currency == currency]
        sums = [sum(getattr(account, name) for account in some) for name in ("posted", "pending_in", "pending_out")]
        sides = [
            sum(e.amount for *_, e in lines if (e.currency, e.direction) == (currency, side)) for side in ("debit", "credit")
        ]
        expected.append((currency, len(some), *sums, *sides))
    assert ask(lake, "trial_balance") == expected

    statement = ask(lake, "account_statement", "a", DAY, DAY)
    assert [row[1:] for row in statement] == [
        (payment, operation, entry.direction, entry.amount, entry.posted_after)
        for _, payment, operation, entry in lines
        if entry.account == "a"
    ]
    assert ask(lake, "account_statement", "a", "2023-11-15", "2023-11-16") == []

    volume: Counter[tuple[str, str]] = Counter()
    moved: dict[tuple[str, str], set[str]] = {}
    for _, payment, operation, entry in lines:
        if entry.direction == "credit":
            volume[entry.currency, operation] += entry.amount
            moved.setdefault((entry.currency, operation), set()).add(payment)
    assert ask(lake, "daily_volume") == [(DAY, *kind, len(moved[kind]), volume[kind]) for kind in sorted(volume)]

    refunds = [
        (event.data.payment.id, event.data.operation, sum(event.data.amounts), "EUR", event.data.reason)
        for event in events
        if isinstance(event.data, AboutPayment) and event.type in ("payment.refunded", "payment.reversed")
    ]
    assert [row[:5] for row in ask(lake, "largest_refunds")] == sorted(refunds, key=lambda refund: (-refund[2], refund[0]))
    assert len(refunds) > 2 and ("a mistake" in {refund[4] for refund in refunds})

    held = [payment for payment in payments.values() if payment.status == "held"]
    assert {row[0]: row[3] for row in ask(lake, "open_holds")} == {payment.id: payment.held for payment in held} != {}
    codes = Counter(getattr(event.data, "code", None) for event in events) - Counter({None: len(events)})
    assert {row[1]: row[2] for row in ask(lake, "refusals")} == codes and len(codes) > 2
    of_c = {p.id: p.status for p in payments.values() if any("c" in (leg.from_account, leg.to_account) for leg in p.legs)}
    touched = {payment for _, payment, _, entry in lines if entry.account == "c"}
    found = {row[0]: row[1] for row in ask(lake, "account_payments", "c")}
    assert touched <= found.keys() and found.items() <= of_c.items()
    assert ask(lake, "reconcile_posted") == []


async def test_views_say_how_payments_and_accounts_stand(scene: Recording, lake: duckdb.DuckDBPyConnection) -> None:
    payments = last_payments(await scene.published())
    rows = lake.execute("SELECT payment_id, status, amount, held, captured, refunded, legs, reference, metadata FROM payments")
    assert {row[0]: (*row[1:6], row[7]) for row in rows.fetchall()} == {
        p.id: (p.status, p.amount, p.held, p.captured, p.refunded, p.reference) for p in payments.values()
    }
    [legs] = lake.execute("SELECT legs FROM payments WHERE currency IS NULL").fetchone() or ()
    several = [p for p in payments.values() if p.currency is None]
    assert [msgspec.json.decode(msgspec.json.encode(p.legs)) for p in several] == [msgspec.json.decode(legs)]
    accounts = accounts_of(scene)
    rows = lake.execute("SELECT account, status, currency, min_balance, max_balance FROM accounts")
    assert {row[0]: row[1:] for row in rows.fetchall()} == {
        name: (account.status, account.currency, account.min_balance, account.max_balance) for name, account in accounts.items()
    }
    rows = lake.execute("SELECT account, posted, pending_in, pending_out, available FROM balances")
    assert {row[0]: row[1:] for row in rows.fetchall()} == {
        name: (a.posted, a.pending_in, a.pending_out, a.posted - a.pending_out) for name, a in accounts.items()
    }


async def test_the_documented_reader_rebuilds_all_balances_with_boto3_alone(scene: Recording, aws: EmulatedAws) -> None:
    code = "\n".join(line[4:] for line in (ANALYTICS / "README.md").read_text().splitlines() if line.startswith("    "))
    code = code.replace('boto3.client("s3")', "s3").replace('"payments-records"', "bucket")
    scope: dict[str, Any] = {"s3": aws.client("s3"), "bucket": scene.settings.s3_bucket}
    exec(code, scope)
    assert scope["balances"] == {name: account.posted for name, account in accounts_of(scene).items()}


async def test_athenas_definitions_are_taken_by_an_emulated_athena_which_reads_the_files(
    scene: Recording, aws: EmulatedAws
) -> None:
    glue, database = aws.client("glue"), scene.settings.s3_bucket.replace("-", "_")
    glue.create_database(DatabaseInput={"Name": database})
    for statement in statements(ANALYTICS / "athena" / "tables.sql"):
        await athena(aws, scene, database, statement.replace("${bucket}", scene.settings.s3_bucket))
    for name in SCHEMAS:
        table = glue.get_table(DatabaseName=database, Name=name)["Table"]
        storage = table["StorageDescriptor"]
        assert storage["Location"] == f"s3://{scene.settings.s3_bucket}/athena/{name}"
        assert storage["InputFormat"].endswith(".SymlinkTextInputFormat")
        # The emulator does not follow lists: it is shown the files themselves, without those that do not count.
        storage["Location"] = await only_files_that_count(scene, aws, name)
        kept = {key: table[key] for key in ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")}
        glue.update_table(DatabaseName=database, TableInput=kept)
    [query] = statements(ANALYTICS / "queries" / "daily_volume.sql")
    heading, *rows = await athena(aws, scene, database, query)
    volume = Counter(
        (e.currency, operation) for *_, operation, e in entries_of(await scene.published()) if e.direction == "credit"
    )
    assert heading == ["date", "currency", "operation", "payments", "amount"]
    assert [tuple(row[:3]) for row in rows] == [(DAY, *kind) for kind in sorted(volume)]


async def only_files_that_count(scene: Recording, aws: EmulatedAws, table: str) -> str:
    """Copy the files that Athena's lists name to a folder of their own, and return its URL."""
    s3, bucket = aws.client("s3"), scene.settings.s3_bucket
    async for url in listed(scene, table):
        key = url.removeprefix(f"s3://{bucket}/")
        s3.copy_object(Bucket=bucket, Key=f"counting/{key}", CopySource={"Bucket": bucket, "Key": key})
    return f"s3://{bucket}/counting/{table}"


async def athena(aws: EmulatedAws, scene: Recording, database: str, statement: str) -> list[list[str]]:
    """Run a statement and return its rows as text."""
    client = aws.client("athena")
    query = client.start_query_execution(
        QueryString=statement,
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": f"s3://{scene.settings.s3_bucket}/results/"},
    )["QueryExecutionId"]
    while (status := client.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"])["State"] in (
        "QUEUED",
        "RUNNING",
    ):
        await asyncio.sleep(0.02)
    assert status["State"] == "SUCCEEDED", status
    rows = client.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows]


async def test_loads_into_a_warehouse_add_every_row_once_however_often_they_run(scene: Recording, database_url: str) -> None:
    warehouse = await asyncpg.connect(database_url, statement_cache_size=0)  # `loaded` is not always the same table
    await warehouse.execute("CREATE SCHEMA warehouse; SET search_path TO warehouse; SET TimeZone TO 'UTC'")
    await warehouse.execute("CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql AS 'SELECT now()::timestamp'")
    for statement in statements(ANALYTICS / "redshift" / "tables.sql"):
        await warehouse.execute(re.sub(r"\n(DISTKEY|SORTKEY) \(\w+\)", "", statement))
    numbers = [stored.manifest.number for stored in await scene.manifests()]
    for number in (*numbers, *reversed(numbers)):
        for table in (ENTRIES, EVENTS):
            await load(warehouse, scene, table, number)
    for table in (ENTRIES, EVENTS):
        rows = [tuple(row) for row in await warehouse.fetch(f"SELECT * FROM {table} ORDER BY shard, sequence, event_index")]
        recorded = [tuple(_naive(value) for value in row.values()) for row in (await scene.table(table)).to_pylist()]
        assert sorted(rows, key=repr) == sorted(recorded, key=repr)
    await warehouse.execute("\n".join(f"{statement};" for statement in statements(ANALYTICS / "views.sql")))
    [trial_balance] = statements(ANALYTICS / "queries" / "trial_balance.sql")
    assert [row["posted"] for row in await warehouse.fetch(trial_balance)] == [
        sum(account.posted for account in accounts_of(scene).values() if account.currency == currency)
        for currency in ("EUR", "USD")
    ]
    assert await warehouse.fetchval("SELECT count(*) FROM loaded_manifests") == 2 * len(numbers)
    await warehouse.close()


async def load(warehouse: asyncpg.Connection, scene: Recording, table: str, number: int) -> None:
    """Run a load as it stands, but for COPY, whose part is played by reading what the manifest names, column by column in its order."""
    names = {"bucket": scene.settings.s3_bucket, "number": f"{number:012d}", "role": "arn:aws:iam::0:role/loader"}
    for statement in statements(ANALYTICS / "redshift" / f"load_{table}.sql"):
        text = re.sub(r"\$\{(\w+)\}", lambda found: names[found[1]], statement)
        if not text.startswith("COPY"):
            await warehouse.execute(text)
            continue
        [url] = re.findall(r"FROM 's3://[^/]+/(.*)'", text)
        content = await scene.bucket.get(url)
        assert content is not None
        for entry in msgspec.json.decode(content)["entries"]:
            file = await scene.bucket.get(entry["url"].removeprefix(f"s3://{scene.settings.s3_bucket}/"))
            assert entry["mandatory"] and file is not None and len(file) == entry["meta"]["content_length"]
            rows = pq.read_table(BytesIO(file)).to_pylist()
            records = [tuple(_naive(value) for value in row.values()) for row in rows]
            await warehouse.copy_records_to_table("loaded", records=records)


def _naive(value: Any) -> Any:
    """Return times as a column without a zone has them."""
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value


ATHENA_TYPES = {"int32": "int", "int64": "bigint", "string": "string", "timestamp[us, tz=UTC]": "timestamp"}
REDSHIFT_TYPES = {"int32": "integer", "int64": "bigint", "string": "char", "timestamp[us, tz=UTC]": "timestamp"}


@pytest.mark.parametrize("table", SCHEMAS)
def test_the_shipped_definitions_have_the_files_columns(table: str) -> None:
    for file, types in (("athena", ATHENA_TYPES), ("redshift", REDSHIFT_TYPES)):
        [body] = re.findall(
            rf"TABLE (?:IF NOT EXISTS )?{table} \(\n(.*?)\n\)", (ANALYTICS / file / "tables.sql").read_text(), re.S
        )
        columns = [line.split()[:2] for line in body.splitlines() if "PRIMARY" not in line]
        assert [name for name, _ in columns] == SCHEMAS[table].names
        for (name, kind), field in zip(columns, SCHEMAS[table], strict=True):
            assert types[str(field.type)] in kind, name
