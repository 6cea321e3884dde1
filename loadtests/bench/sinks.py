"""Layer `sinks`: events a second into each target, and what one event costs this process.

The targets are an emulator of AWS and Valkey on the same machine, which take their share of it: in most rates they are the limit, and
AWS is not. The processor time of our own process is what a real target would leave. Each round has new, empty targets, since most
sinks do less for what they have seen.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import perf_counter, process_time, time_ns
from uuid import uuid4

import msgspec

from loadtests.bench.figure import Figure
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say, Side, alternate
from loadtests.bench.traffic import account_ids, openings, payments
from processor.aws.creation import create_missing
from processor.bridges.sinks import known_sinks, make_sink
from processor.core.ledger import Ledger
from processor.core.messages import AnyMessage
from processor.core.shard import Shard
from processor.eventlog.event import PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.memory import MemoryJournal
from processor.journal.record import NO_HASH, Record
from processor.local.aws_emulator import AwsEmulator
from processor.local.local_aws import give_credentials
from processor.local.valkey import EmbeddedValkey
from processor.settings import Settings

SHARDS = 8
PAYMENTS = 60_000
ACCOUNTS_MAX = 10_000
TURN_PAYMENTS = 500
BATCH_EVENTS = 5_000
_TURN_MICROSECONDS = 10_000
_NAMES = [name for name in Settings.__struct_fields__ if name.startswith(("kinesis_", "sns_", "sqs_", "s3_bucket", "dynamodb_"))]

_messages = msgspec.msgpack.Decoder(list[AnyMessage]).decode


class Target:
    """One sink, measured again and again."""

    def __init__(self, name: str, settings: Settings, events: Sequence[PublishedEvent], seconds: float) -> None:
        self.name = name
        self.costs: list[float] = []
        self._settings = settings
        self._events = events
        self._seconds = seconds

    def rate(self) -> float:
        """Publish for a while; return the events a second."""
        return asyncio.run(self._rate(_with_new_names(self._settings)))

    async def _rate(self, settings: Settings) -> float:
        for _ in create_missing(settings):
            pass
        sink = make_sink(self.name, settings)
        await sink.open()
        try:
            published, started, worked = 0, perf_counter(), process_time()
            while published < len(self._events) and perf_counter() - started < self._seconds:
                batch = self._events[published : published + BATCH_EVENTS]
                await sink.publish(batch)
                published += len(batch)
            seconds, worked = perf_counter() - started, process_time() - worked
        finally:
            await sink.close()
        self.costs.append(worked * 1e6 / published)
        return published / seconds


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures."""
    events = asyncio.run(published_events(min(options.accounts, ACCOUNTS_MAX), min(options.size, PAYMENTS)))
    with _targets() as settings:
        targets = [Target(name, settings, events, options.seconds) for name in known_sinks()]
        samples = alternate([Side(target.name, target.rate) for target in targets], options.rounds, say)
    figures = []
    for target in targets:
        figures.append(Figure("sinks", target.name, "events/s", samples[target.name]))
        figures.append(Figure("sinks", f"{target.name}: our process", "us/event", target.costs, is_cost=True))
    return figures


async def published_events(accounts: int, count: int) -> list[PublishedEvent]:
    """Return what so many payments between so many accounts publish, as a tail of the journal mixes them."""
    ledger, journal = Ledger(SHARDS), MemoryJournal(SHARDS)
    previous, records = dict.fromkeys(range(SHARDS), NO_HASH), list[Record]()
    for shard in range(SHARDS):
        ledger.add(Shard(shard, SHARDS))
        await journal.claim(shard, 0, "bench")
    # Payments of now: what is old has no place in the table of the last months.
    ids, at = account_ids(accounts), time_ns() // 1_000
    asked = [*openings(ids, SHARDS, TURN_PAYMENTS), *payments(ids, SHARDS, count, TURN_PAYMENTS, Random(1))]
    for messages in asked:
        at += _TURN_MICROSECONDS
        ledger.begin(at)
        for message in _messages(messages):
            ledger.handle(message)
        turn = [
            Record(sealed.shard, 1, sealed.sequence, sealed.at, previous[sealed.shard], sealed.payload)
            for sealed in ledger.seal().records
        ]
        await journal.append(turn)
        previous = previous | {record.shard: record.hash() for record in turn}
        records += turn
    return await Translator(journal).translate(records)


@contextmanager
def _targets() -> Iterator[Settings]:
    give_credentials(os.environ)
    folder = Path(tempfile.mkdtemp(prefix="payments-bench-"))
    emulator, valkey = AwsEmulator(folder / "aws"), EmbeddedValkey(folder / "valkey")
    try:
        emulator.start()
        valkey.start()
        yield Settings(shards=SHARDS, aws_endpoint_url=emulator.endpoint_url, redis_url=valkey.url)
    finally:
        # What they would write at a stop is not wanted.
        emulator.kill()
        valkey.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _with_new_names(settings: Settings) -> Settings:
    suffix = uuid4().hex[:8]
    names = {name: f"{value}-{suffix}" for name in _NAMES if isinstance(value := getattr(settings, name), str)}
    return msgspec.structs.replace(settings, **names)
