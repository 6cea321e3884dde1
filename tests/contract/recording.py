"""A ledger with a story whose events are carried to S3, flush by flush."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pyarrow as pa

from processor.bridges.bridge import Bridge
from processor.bridges.cursors import take_over
from processor.bridges.pace import Backoff
from processor.bridges.s3.bucket import Bucket
from processor.bridges.s3.manifest import Stored
from processor.bridges.s3.read import RecordReader, in_order
from processor.bridges.s3.segments import Segments
from processor.bridges.s3.sink import NAME, S3Sink
from processor.bridges.s3.tables import EVENTS
from processor.bridges.s3.verify import Verification, verify
from processor.bridges.work import Term
from processor.core import events as e
from processor.core.messages import Kind
from processor.core.results import Result
from processor.eventlog.event import PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.interface import Journal
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.journal.record import Record
from processor.settings import Settings
from tests.contract.bridging import until
from tests.contract.ledgers import SHARDS, PostgresLedger
from tests.contract.story import (
    FINGERPRINT,
    Story,
    key,
    tell_failed_travels,
    tell_held_travels,
    tell_holds,
    tell_old_payments,
    tell_payments,
    tell_travels,
)

CHAPTERS = (tell_payments, tell_holds, tell_travels, tell_held_travels, tell_failed_travels, tell_old_payments)


class Recording:
    """One ledger, one bucket, and the bridge between them."""

    def __init__(self, settings: Settings, url: str, journal: Journal, story: Story) -> None:
        """Use `recording` instead."""
        self.settings = settings
        self.journal = journal
        self.story = story
        self.link = Link(url, DEFAULT_TIMEOUTS)
        self.bucket = Bucket(settings)

    def sink(self) -> S3Sink:
        """Return another copy of the sink."""
        return S3Sink(self.settings, self.link)

    async def record(self, sink: S3Sink | None = None, redrives: bool = False) -> None:
        """Run a copy of the bridge until all that the journal has is in S3. `redrives`: dead letters too."""
        term = Term(await take_over(self.link, NAME))
        journal = _OneAtATime(self.journal)
        bridge = Bridge(NAME, sink or self.sink(), journal, Translator(self.journal), self.link, 1.0, Backoff(seconds_max=0.002))
        term.has_redrives = redrives
        task = asyncio.create_task(bridge.run(term))
        try:
            await until(lambda: self._is_level(redrives), task)
        finally:
            # While it asks the database nothing: a statement that is cancelled takes its connection with it.
            async with journal.turn, self.link.use():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def heads(self) -> dict[int, int]:
        """Return the journal's newest sequences."""
        return {shard: (await self.journal.head(shard)).sequence for shard in range(SHARDS)}

    async def committed(self) -> Stored | None:
        """Return the newest manifest in the database."""
        return await Segments(self.link, NAME).newest()

    async def verify(self) -> Verification:
        """Check everything."""
        return await verify(self.bucket, await self.committed(), await self.heads())

    async def published(self) -> list[PublishedEvent]:
        """Return all events of the journal, in order for each shard."""
        records = await self.journal.tail(dict.fromkeys(range(SHARDS), 0), 100_000_000)
        return await Translator(self.journal).translate(records)

    async def table(self, name: str) -> pa.Table:
        """Return all rows of a table that count."""
        reader = RecordReader(self.bucket)
        return in_order(name, [await reader.rows(stored.manifest, name) async for stored in reader.manifests()])

    async def names(self) -> list[str]:
        """Return the names of all events that count, sorted."""
        rows = (await self.table(EVENTS)).select(["shard", "sequence", "event_index"]).to_pylist()
        return [":".join(map(str, row.values())) for row in rows]

    async def manifests(self) -> list[Stored]:
        """Return all manifests."""
        return [stored async for stored in RecordReader(self.bucket).manifests()]

    async def keys(self) -> set[str]:
        """Return the keys of all objects."""
        return {key async for key, _ in self.bucket.list("")}

    async def _is_level(self, redrives: bool) -> bool:
        if redrives and await self.link.fetch("SELECT FROM payments.bridge_dead_letters"):
            return False
        rows = await self.link.fetch("SELECT shard, sequence FROM payments.bridge_cursors WHERE bridge = $1", NAME)
        waiting = await Segments(self.link, NAME).unpublished()
        return {row["shard"]: row["sequence"] for row in rows} == await self.heads() and not waiting


class _OneAtATime:
    """A journal that is not asked for more while somebody else has the `turn`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.turn = asyncio.Lock()

    async def tail(self, after: Mapping[int, int], limit_bytes: int) -> list[Record]:
        async with self.turn:
            return await self._journal.tail(after, limit_bytes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


@asynccontextmanager
async def recording(settings: Settings, url: str) -> AsyncIterator[Recording]:
    """Give a ledger whose accounts are open, in an empty database; nothing of it is in S3 yet."""
    ledger = PostgresLedger(url)
    journal = await ledger.journal()
    story = Story(journal, await ledger.shard_map())
    await story.open()
    scene = Recording(settings, url, journal, story)
    await scene.bucket.open()
    yield scene
    scene.bucket.close()
    await scene.link.close()
    await ledger.close()


async def tell_refusals(story: Story) -> None:
    """What was refused, and an account's changes of status."""
    refused = e.Refused(key("no hold"), FINGERPRINT, Result.INSUFFICIENT_FUNDS, 1, Kind.HOLD)
    changes = [e.StatusChanged("e", status) for status in ("frozen", "open")]  # type: ignore[arg-type]
    await story.add(0, refused, *changes)
