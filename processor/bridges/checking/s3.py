"""Whether the transaction records in S3 are, row by row, what the journal's events make."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import pyarrow as pa

from processor.bridges.checking.expected import expected_events
from processor.bridges.checking.verdict import Verdict
from processor.bridges.s3.bucket import Bucket
from processor.bridges.s3.manifest import Manifest
from processor.bridges.s3.read import Damaged, RecordReader
from processor.bridges.s3.rows import rows_of
from processor.bridges.s3.tables import EVENTS, SCHEMAS
from processor.eventlog.event import PublishedEvent
from processor.journal.interface import Journal
from processor.settings import Settings

Rows = dict[str, set[tuple[Any, ...]]]
"""Table to rows; times in microseconds since 1970."""


async def check_s3(settings: Settings, journal: Journal, positions: Mapping[int, int]) -> Verdict:
    """Compare all rows with the journal, flush by flush, up to the newest manifest; it must reach these positions.

    Raises SinkUnavailable, JournalUnavailable, JournalCorrupt.
    """
    verdict, bucket = Verdict("s3"), Bucket(settings)
    try:
        await bucket.open()
        await _compare_all(RecordReader(bucket), _Journal(journal, positions), verdict)
    except Damaged as error:
        verdict.report(str(error))
    finally:
        bucket.close()
    return verdict


async def _compare_all(reader: RecordReader, journal: "_Journal", verdict: Verdict) -> None:
    missing: dict[str, PublishedEvent] = {}
    async for stored in reader.manifests():
        manifest = stored.manifest
        missing |= {event.name: event for event in await journal.covered(manifest)}
        found = {table: _found(await reader.rows(manifest, table)) for table in SCHEMAS}
        # An event that made the bridge fail, and those of its batch, come with later manifests than the one that covers them.
        names = [f"{shard}:{sequence}:{index}" for shard, sequence, index, *_ in found[EVENTS]]
        expected = _expected(missing.pop(name) for name in names if name in missing)
        for table in SCHEMAS:
            verdict.compared += len(found[table] & expected[table])
            for row in found[table] - expected[table]:
                verdict.report(f"manifest {manifest.number}: {table} has a row that the journal does not tell: {row}")
            for row in expected[table] - found[table]:
                verdict.report(f"manifest {manifest.number}: {table} lacks the row {row}")
    for name in missing:
        verdict.report(f"event {name} is in no file")
    for shard, until in journal.uncovered():
        verdict.report(f"shard {shard} is not covered up to {until}, where the bridge's cursor is")


class _Journal:
    """The journal's events, given out as manifests cover them."""

    def __init__(self, journal: Journal, positions: Mapping[int, int]) -> None:
        self._journal = journal
        self._positions = positions
        self._streams: dict[int, AsyncIterator[PublishedEvent]] = {}
        self._next: dict[int, PublishedEvent] = {}
        self._ends: dict[int, int] = {}

    async def covered(self, manifest: Manifest) -> list[PublishedEvent]:
        """Return the events of the records that this manifest covers, and none before it."""
        events = []
        for cover in manifest.covers:
            self._ends[cover.shard] = cover.until
            while (event := await self._peek(cover.shard)) is not None and event.sequence <= cover.until:
                events.append(event)
                del self._next[cover.shard]
        return events

    def uncovered(self) -> list[tuple[int, int]]:
        """Return the shards, with their positions, that no manifest has reached."""
        return [(shard, until) for shard, until in self._positions.items() if self._ends.get(shard, 0) < until]

    async def _peek(self, shard: int) -> PublishedEvent | None:
        if shard not in self._streams:
            head = await self._journal.head(shard)
            self._streams[shard] = expected_events(self._journal, shard, head.sequence)
        if shard not in self._next:
            event = await anext(self._streams[shard], None)
            if event is None:
                return None
            self._next[shard] = event
        return self._next[shard]


def _expected(events: Iterable[PublishedEvent]) -> Rows:
    rows: Rows = {table: set() for table in SCHEMAS}
    for partition, some in rows_of(events).items():
        rows[partition.table].update(map(tuple, some))
    return rows


def _found(table: pa.Table) -> set[tuple[Any, ...]]:
    columns = [column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in table.columns]
    return set(zip(*(column.to_pylist() for column in columns), strict=True))
