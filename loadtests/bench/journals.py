"""The three journals side by side: `python -m loadtests.bench.journals [SECONDS]`.

One writer appends to eight shards at once, one append after another. DynamoDB is an emulator of one process on this machine: the
figures are good for comparing our own versions, and say nothing about AWS.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import msgspec
import uvloop

from loadtests.bench.database import own_ledger
from processor.aws.creation import create_table
from processor.aws.resources import journal_table
from processor.clock import now_microseconds
from processor.journal.choice import connect_journal, connect_shard_map
from processor.journal.creation import create_in_dynamodb
from processor.journal.interface import Head
from processor.journal.record import Record
from processor.local.aws_emulator import AwsEmulator
from processor.local.local_aws import give_credentials
from processor.settings import Settings

SHARDS = 8
SIZES_BYTES = (200, 20_000, 400_000)
JOURNALS = ("postgres", "dynamodb", "mirrored")


def main(seconds: float) -> None:
    """Print a table."""
    give_credentials(os.environ)
    print("| journal | 8 records of | appends a second | p50 | p99 |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="payments-bench-") as folder:
        emulator = AwsEmulator(Path(folder))
        emulator.start()
        try:
            for size in SIZES_BYTES:
                for journal in JOURNALS:
                    _measure(emulator.endpoint_url, journal, size, seconds)
        finally:
            emulator.kill()


def _measure(endpoint_url: str, journal: str, size: int, seconds: float) -> None:
    with own_ledger(SHARDS) as url:
        settings = msgspec.structs.replace(
            Settings(), shards=SHARDS, database_url=url, journal=journal, aws_endpoint_url=endpoint_url,
            dynamodb_journal_table=f"payments-{journal}-{size}",
        )  # fmt: skip
        if journal != "postgres":
            create_table(settings, journal_table(settings))
            asyncio.run(create_in_dynamodb(settings))
        times = sorted(uvloop.run(_append(settings, os.urandom(size), seconds)))
    p50, p99 = (1000 * times[int(len(times) * share)] for share in (0.5, 0.99))
    print(f"| {journal} | {size:,} B | {len(times) / seconds:,.0f} | {p50:.1f} ms | {p99:.1f} ms |", flush=True)


async def _append(settings: Settings, payload: bytes, seconds: float) -> list[float]:
    """Append for so long; return how many seconds each append took."""
    journal, shard_map = await connect_journal(settings), await connect_shard_map(settings)
    heads = {}
    for shard in (await shard_map.view())[1]:
        epoch = await shard_map.claim(shard.shard, shard.epoch, "bench")
        heads[shard.shard] = await journal.open(shard.shard, epoch or 0, now_microseconds())
    times, end = [], perf_counter() + seconds
    while (began := perf_counter()) < end:
        at = now_microseconds()
        records = [Record(head.shard, head.epoch, head.sequence + 1, at, head.hash, payload) for head in heads.values()]
        await journal.append(records)
        times.append(perf_counter() - began)
        heads = {record.shard: Head(record.shard, record.epoch, record.sequence, record.hash()) for record in records}
    await shard_map.close()
    await journal.close()
    return times


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 4.0)
