"""Layer `sizes`: how many events a payment makes, and how many bytes of it every store and every target keeps.

What `payments capacity` counts with. Bytes hardly vary, so each is taken once, from single-leg payments without reference or
metadata; processor time is that of the parts which no other layer measures by themselves.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import asyncpg
import msgspec
import uvloop

from loadtests.bench.database import own_ledger
from loadtests.bench.figure import Figure
from loadtests.bench.host import open_accounts
from loadtests.bench.local_hosts import LocalHosts
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say
from loadtests.bench.sinks import TURN_PAYMENTS, published_events
from loadtests.bench.traffic import account_ids, openings, payments
from processor.bridges.dynamodb.items import items_of
from processor.bridges.s3.files import write_file
from processor.bridges.s3.rows import rows_of
from processor.bridges.s3.sink import BATCH_EVENTS_MAX
from processor.bridges.sns.notification import notification_of
from processor.cache.balances import BalanceCache, balances_of
from processor.cache.keys import KeyGuard
from processor.cache.link import RedisLink
from processor.core.ledger import Ledger
from processor.core.messages import AnyMessage
from processor.core.shard import Shard
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.postgres import PostgresJournal
from processor.local.valkey import EmbeddedValkey
from processor.projections.projector import Projector
from processor.projections.schema import prepare_projections
from processor.projections.snapshots import SCHEMA

SHARDS = 8
PAYMENTS_MAX = 100_000
EVENTS_PAYMENTS = 60_000
SINGLES_MAX = 5_000
REMEMBERED_KEYS = 20_000
SNAPSHOT_ACCOUNTS = 100_000
_CALL_PAYMENTS = 1_000
_DAYS = 90
_JOURNAL = "journal_records"
_ACCOUNTS_EVENT = "account.opened"

_messages = msgspec.msgpack.Decoder(list[AnyMessage]).decode


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures."""
    accounts = min(options.accounts, SNAPSHOT_ACCOUNTS)
    count = min(options.size, PAYMENTS_MAX)
    say("published events")
    events = asyncio.run(published_events(accounts, min(options.size, EVENTS_PAYMENTS)))
    figures = _events(events, min(options.size, EVENTS_PAYMENTS))
    say("copies of balances in Redis")
    figures += _redis(events)
    say("tables in PostgreSQL")
    figures += _tables(accounts, count)
    say("snapshots")
    return [*figures, *_snapshots(SNAPSHOT_ACCOUNTS)]


def _figure(name: str, unit: str, value: float) -> Figure:
    return Figure("sizes", name, unit, [value], is_cost=True)


def _events(events: Sequence[PublishedEvent], count: int) -> list[Figure]:
    told = [event for event in events if event.type != _ACCOUNTS_EVENT]
    encoded = [encode_event(event) for event in told]
    items = items_of(told, _DAYS, 0.0)
    started = process_time()
    partitions = [
        pair
        for start in range(0, len(told), BATCH_EVENTS_MAX)
        for pair in rows_of(told[start : start + BATCH_EVENTS_MAX]).items()
    ]
    files = [write_file(partition, rows).file for partition, rows in partitions]
    s3_microseconds = (process_time() - started) * 1e6 / len(told)
    sns_bytes = sum(notification_of(each).size_bytes for each in encoded)
    return [
        _figure("published events of a payment", "events", len(told) / count),
        _figure("Kinesis: a payment's events as JSON", "bytes", sum(map(len, encoded)) / count),
        _figure("SNS: a payment's events with their attributes", "bytes", sns_bytes / count),
        _figure("DynamoDB: a payment's item", "bytes", sum(_size({"M": item.attributes}) for item in items) / count),
        _figure("S3: a payment in Parquet files", "bytes", sum(file.bytes for file in files) / count),
        _figure("s3: our process", "us/event", s3_microseconds),
    ]  # fmt: skip


def _size(value: dict[str, Any]) -> int:
    """Return what DynamoDB counts, by its documentation: names and texts as UTF-8, a number about a byte for each two digits."""
    ((kind, content),) = value.items()
    match kind:
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(member) for name, member in content.items())
        case "L":
            return 3 + sum(1 + _size(member) for member in content)
        case "N":
            return (len(content) + 1) // 2 + 1
        case _:
            return len(content.encode()) if isinstance(content, str) else len(content)


def _redis(events: Sequence[PublishedEvent]) -> list[Figure]:
    async def filled(url: str) -> tuple[float, float]:
        link = RedisLink(url, timeout_seconds=5.0)
        before = await _used(link)
        copies = balances_of(events)
        await BalanceCache(link).replace(copies)
        with_copies = await _used(link)
        keys = [f"{number:032x}" for number in range(REMEMBERED_KEYS)]
        await KeyGuard(link, "bench").misused(keys, account_ids(REMEMBERED_KEYS))
        with_keys = await _used(link)
        await link.close()
        return (with_copies - before) / len(copies), (with_keys - with_copies) / len(keys)

    with tempfile.TemporaryDirectory(prefix="payments-bench-") as folder:
        valkey = EmbeddedValkey(Path(folder) / "valkey")
        valkey.start()
        try:
            copy_bytes, key_bytes = asyncio.run(filled(valkey.url))
        finally:
            valkey.kill()
    return [
        _figure("Redis: the copy of an account's balances", "bytes", copy_bytes),
        _figure("Redis: a key that was seen, with its account", "bytes", key_bytes),
    ]


async def _used(link: RedisLink) -> int:
    told: dict[str, int] = await link.call("INFO", "memory")
    return told["used_memory"]


def _tables(accounts: int, count: int) -> list[Figure]:
    with own_ledger(SHARDS) as url:
        ids = account_ids(accounts)
        host = LocalHosts(url, 1)
        host.start()
        try:
            open_accounts(host, ids)
            before = uvloop.run(_bytes_of(url))
            host.submit(host.split(list(payments(ids, SHARDS, count, _CALL_PAYMENTS, Random(1)))))
            after = uvloop.run(_bytes_of(url))
            singles = min(count, SINGLES_MAX)
            heads = host.heads()
            host.submit(host.split(list(payments(ids, SHARDS, singles, 1, Random(2)))))
            records, _ = host.record_bytes(heads)
            journal_bytes = (after[0] - before[0]) / count
            record_bytes = (uvloop.run(_bytes_of(url))[0] - after[0] - singles * journal_bytes) / records
        finally:
            host.stop()
        translate_microseconds = uvloop.run(_translated(url, count + singles))
        uvloop.run(_project(url))
        read_model = uvloop.run(_bytes_of(url))[1]
        count += singles
    return [
        _figure("PostgreSQL: a payment's part of the journal's table", "bytes", journal_bytes),
        _figure("PostgreSQL: a record of the journal, whatever is in it", "bytes", record_bytes),
        _figure("PostgreSQL: a payment in the read model, with its indexes", "bytes", read_model / count),
        _figure("a bridge's reading: records to published events", "us/payment", translate_microseconds),
    ]


async def _bytes_of(url: str) -> tuple[int, int]:
    """Return the bytes of the journal's table and of the read model, with indexes and TOAST."""
    connection = await asyncpg.connect(url)
    query = (
        "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = to_regnamespace($1) AND relname LIKE $2::text"
    )
    try:
        return await connection.fetchval(query, "payments", _JOURNAL), await connection.fetchval(query, SCHEMA, "%")
    finally:
        await connection.close()


async def _project(url: str) -> None:
    await prepare_projections(url)
    projector = Projector(url)
    try:
        await projector.catch_up()
    finally:
        await projector.close()


async def _translated(url: str, count: int) -> float:
    journal = await PostgresJournal.connect(url)
    try:
        records = [record for shard in range(SHARDS) async for record in journal.read(shard, 0)]
        translator = Translator(journal)
        started = process_time()
        for start in range(0, len(records), 100):
            await translator.translate(records[start : start + 100])
        return (process_time() - started) * 1e6 / count
    finally:
        await journal.close()


def _snapshots(accounts: int) -> list[Figure]:
    ledger = Ledger(1)
    shard = Shard(0, 1)
    ledger.add(shard)
    for messages in openings(account_ids(accounts), 1, TURN_PAYMENTS):
        ledger.begin(1)
        for message in _messages(messages):
            ledger.handle(message)
        ledger.seal()
    state = shard.encode()
    seconds = _cpu(lambda: Shard.decode(state))
    return [
        _figure("an account in a snapshot", "bytes", len(state) / accounts),
        _figure("an account read from a snapshot", "us", seconds * 1e6 / accounts),
    ]


def _cpu(work: Callable[[], object]) -> float:
    started = process_time()
    work()
    return process_time() - started
