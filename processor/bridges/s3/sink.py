"""Writes transaction records to S3: Parquet files, then one row in the ledger's database that makes them count, then the manifest.

1. The files of a batch are stored under keys that tell their content. Until a manifest names them, nobody reads them.
2. The manifest is committed in the transaction that moves the bridge's cursor (`segments.py`). Whoever loses it, be it to a crash or to
   another copy of the bridge, leaves files that no manifest names; they cost storage and harm nothing.
3. The manifest is carried to S3, and before it the lists that Athena and Redshift read. A crash in between is made up for by the next
   `open`, from the row.

So every event is in exactly one manifest, and no object is ever overwritten or removed.
"""

import asyncio
from collections.abc import Sequence

from processor.bridges.s3.bucket import Bucket, Conflict
from processor.bridges.s3.files import write_file
from processor.bridges.s3.manifest import DataFile, key_of, objects_of, stored_manifest
from processor.bridges.s3.rows import Partition, Row, rows_of
from processor.bridges.s3.segments import Segments, ends_of
from processor.bridges.sink import Published, SinkUnavailable, Terms
from processor.client.together import run_together
from processor.eventlog.event import PublishedEvent
from processor.journal.postgres.link import Link
from processor.settings import Settings

NAME = "s3"
BATCH_EVENTS_MAX = 50_000
"""A flush is due when so many are there, however little time has passed."""
BATCH_BYTES_MAX = 8 * 1024 * 1024


class S3Sink:
    """The bucket that `s3_bucket` names."""

    def __init__(self, settings: Settings, link: Link) -> None:
        """`link` leads to the ledger's database."""
        self.terms = Terms(
            gather_seconds=settings.s3_flush_seconds, batch_events_max=BATCH_EVENTS_MAX, batch_bytes_max=BATCH_BYTES_MAX
        )
        self._bucket = Bucket(settings)
        self._segments = Segments(link, NAME)
        # What is in S3 so far: how far each shard is covered, and what is missing of that.
        self._ends: dict[int, int] = {}
        self._left_out: frozenset[str] = frozenset()

    async def open(self) -> None:
        """Check the bucket, and bring to it what was committed before. Raises SinkUnavailable, JournalUnavailable."""
        await self._bucket.open()
        await self._publish_manifests()
        newest = await self._segments.newest()
        upcoming = key_of(newest.manifest.number + 1 if newest is not None else 1)
        if await self._bucket.has(upcoming):
            raise SinkUnavailable(
                f"{self._bucket.url(upcoming)} is there, but this ledger has not written it: the bucket is another ledger's, or the "
                "database was restored from an older state; give this ledger an empty bucket (PAYMENTS_S3_BUCKET)"
            )

    async def publish(self, events: Sequence[PublishedEvent]) -> Published:
        """Store the events' files, to be made to count by `save`. Raises SinkUnavailable."""
        # What comes again after the cursor was set back is left out.
        events = [event for event in events if event.sequence > self._ends.get(event.shard, 0) or event.name in self._left_out]
        if not events:
            return Published()
        partitions = await asyncio.to_thread(rows_of, events)
        files = await run_together(self._store(partition, rows) for partition, rows in partitions.items())
        names = [event.name for event in events]
        return Published(save=lambda connection: self._segments.commit(connection, files, names), saved=self._publish_manifests)

    async def close(self) -> None:
        """Let the connections go."""
        self._bucket.close()

    async def _store(self, partition: Partition, rows: Sequence[Row]) -> DataFile:
        written = await asyncio.to_thread(write_file, partition, rows)
        await self._put(written.file.key, written.content, "application/vnd.apache.parquet")
        return written.file

    async def _publish_manifests(self) -> None:
        """Bring all committed manifests to S3, with what belongs to them. Raises SinkUnavailable, JournalUnavailable."""
        for content in await self._segments.unpublished():
            manifest = stored_manifest(content).manifest
            await run_together(self._put(*each) for each in objects_of(manifest, self._bucket.name))
            await self._put(key_of(manifest.number), content, "application/json")
            await self._segments.note_published(manifest.number)
        newest = await self._segments.newest()
        self._ends = ends_of(newest.manifest) if newest is not None else {}
        self._left_out = frozenset(newest.manifest.left_out if newest is not None else ())

    async def _put(self, key: str, content: bytes, content_type: str) -> None:
        try:
            await self._bucket.put(key, content, content_type)
        except Conflict as error:
            raise SinkUnavailable(
                f"{error}: another ledger writes to this bucket, or the database was restored from an older state; "
                "give this ledger an empty bucket (PAYMENTS_S3_BUCKET)"
            ) from error
