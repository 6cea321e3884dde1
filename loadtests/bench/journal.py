"""Layer `journal`: appends of one record for each of eight shards to PostgreSQL, one append after another.

Its limit is the file system: the same bytes written to a file in the same folder, and made durable each time.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import uvloop

from loadtests.bench.database import own_ledger
from loadtests.bench.figure import Figure
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say, Side, alternate
from processor.clock import now_microseconds
from processor.journal.interface import Head
from processor.journal.postgres import PostgresJournal, PostgresShardMap
from processor.journal.record import Record

SHARDS = 8
SIZES_BYTES = {"200 B": 200, "20 kB": 20_000, "400 kB": 400_000}
LIMIT = "the same bytes in a file, fdatasync each time"
_MEGABYTE = 1e6
_FILE_BYTES = 64 * 2**20


class Appender:
    """One writer that holds all shards, and appends to all of them at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._heads: dict[int, Head] = {}

    def open(self) -> None:
        """Connect and claim all shards."""
        self._journal = self._runner.run(PostgresJournal.connect(self._url))
        self._runner.run(self._claim())

    def close(self) -> None:
        """Close the connection."""
        self._runner.run(self._journal.close())
        self._runner.close()

    def rate(self, payload: bytes, seconds: float) -> float:
        """Append for so long; return the appends a second."""
        return self._runner.run(self._rate(payload, seconds))

    async def _claim(self) -> None:
        shard_map = await PostgresShardMap.connect(self._url)
        for shard in (await shard_map.view())[1]:
            epoch = await shard_map.claim(shard.shard, shard.epoch, "bench")
            self._heads[shard.shard] = await self._journal.open(shard.shard, epoch or 0, now_microseconds())
        await shard_map.close()

    async def _rate(self, payload: bytes, seconds: float) -> float:
        appends, started = 0, perf_counter()
        while (passed := perf_counter() - started) < seconds:
            at = now_microseconds()
            records = [Record(head.shard, head.epoch, head.sequence + 1, at, head.hash, payload) for head in self._heads.values()]
            await self._journal.append(records)
            self._heads = {record.shard: Head(record.shard, record.epoch, record.sequence, record.hash()) for record in records}
            appends += 1
        return appends / passed


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures."""
    with own_ledger(SHARDS) as url, tempfile.TemporaryDirectory(prefix="payments-bench-") as folder:
        appender = Appender(url)
        appender.open()
        try:
            samples = alternate(_sides(appender, Path(folder) / "file", options.seconds), options.rounds, say)
        finally:
            appender.close()
    return [figure for label in SIZES_BYTES for figure in _figures(label, samples)]


def _sides(appender: Appender, path: Path, seconds: float) -> list[Side]:
    sides = []
    for label, size in SIZES_BYTES.items():
        payload = os.urandom(size)
        sides.append(Side(label, lambda payload=payload: appender.rate(payload, seconds)))  # type: ignore[misc]
        sides.append(Side(f"file {label}", lambda payload=payload: _file_rate(path, payload * SHARDS, seconds)))  # type: ignore[misc]
    return sides


def _figures(label: str, samples: dict[str, list[float]]) -> list[Figure]:
    name = f"{SHARDS} records of {label}, one append"
    rates, file_rates = samples[label], samples[f"file {label}"]
    megabytes = SIZES_BYTES[label] * SHARDS / _MEGABYTE
    limit = median(file_rates)
    return [
        Figure("journal", name, "appends/s", rates, limit=limit, limit_name=LIMIT),
        Figure("journal", name, "MB/s", [rate * megabytes for rate in rates], limit=limit * megabytes, limit_name=LIMIT),
    ]


def _file_rate(path: Path, data: bytes, seconds: float) -> float:
    """Return how often a second these bytes can be written into a file that has its size already, and made durable."""
    with path.open("wb", buffering=0) as file:
        file.write(bytes(_FILE_BYTES))
        os.fsync(file.fileno())
        writes, place, started = 0, 0, perf_counter()
        while (passed := perf_counter() - started) < seconds:
            os.pwrite(file.fileno(), data, place)
            os.fdatasync(file.fileno())
            place = (place + len(data)) % (_FILE_BYTES - len(data))
            writes += 1
    return writes / passed
