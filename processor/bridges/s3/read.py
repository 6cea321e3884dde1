"""Reading the transaction records: manifests in their order, each proven by the hash that the next one carries, and the files they name.

    reader = RecordReader(Bucket(settings))
    async for stored in reader.manifests():
        events = await reader.rows(stored.manifest, EVENTS)      # a pyarrow table, in the order of the events' names

Only S3 is asked. `deploy/analytics/README.md` says how to do the same with boto3 alone.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from io import BytesIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from processor.bridges.s3.bucket import Bucket
from processor.bridges.s3.manifest import DataFile, Manifest, Stored, key_of, stored_manifest
from processor.bridges.s3.tables import SCHEMAS
from processor.client.together import run_together

_AHEAD = 16
"""Manifests that are asked for before they are needed."""
_ORDER = ("shard", "sequence", "event_index", "line")


class Damaged(Exception):
    """Something in the bucket is not as it was written. The message is one sentence that names it."""


class RecordReader:
    """Reads one bucket. Everything raises SinkUnavailable if S3 does not answer."""

    def __init__(self, bucket: Bucket) -> None:
        """`bucket` must have been opened."""
        self._bucket = bucket

    async def manifests(self, after: Stored | None = None) -> AsyncIterator[Stored]:
        """Yield all manifests, or those after one that was read before. Raises Damaged if one does not follow from the one before."""
        number = after.manifest.number if after is not None else 0
        while True:
            numbers = range(number + 1, number + 1 + _AHEAD)
            for number, content in zip(numbers, await run_together(map(self._manifest, numbers)), strict=True):
                if content is None:
                    return
                after = self._follows(number, content, after)
                yield after

    async def rows(self, manifest: Manifest, table: str) -> pa.Table:
        """Return a table's rows in one flush, in the order of the events' names. Raises Damaged."""
        return in_order(table, await run_together(self.file(file) for file in manifest.files if file.table == table))

    async def file(self, file: DataFile) -> pa.Table:
        """Return the rows of one file. Raises Damaged unless it is byte for byte what was written."""
        content = await self._bucket.get(file.key)
        url = self._bucket.url(file.key)
        if content is None:
            raise Damaged(f"{url} is missing")
        if len(content) != file.bytes or sha256(content).hexdigest() != file.sha256:
            raise Damaged(f"{url} is not what was written: its SHA-256 is not {file.sha256}")
        table = await asyncio.to_thread(pq.read_table, BytesIO(content), partitioning=None)
        if table.num_rows != file.rows:
            raise Damaged(f"{url} has {table.num_rows} rows and not {file.rows}")
        return table

    async def _manifest(self, number: int) -> bytes | None:
        return await self._bucket.get(key_of(number))

    def _follows(self, number: int, content: bytes, before: Stored | None) -> Stored:
        url = self._bucket.url(key_of(number))
        try:
            stored = stored_manifest(content)
        except msgspec.MsgspecError as error:
            raise Damaged(f"{url} is not a manifest that this program knows: {error}") from error
        if stored.manifest.number != number:
            raise Damaged(f"{url} says that it is number {stored.manifest.number}")
        if stored.manifest.previous != (before.hash if before is not None else None):
            raise Damaged(f"{url} does not carry the hash of the manifest before it: one of the two was changed")
        return stored


def in_order(table: str, parts: Sequence[pa.Table]) -> pa.Table:
    """Return all rows of some files of a table, in the order of the events' names."""
    schema = SCHEMAS[table]
    order = [(name, "ascending") for name in _ORDER if name in schema.names]
    # Files of an early version may lack the newest columns.
    return pa.concat_tables([schema.empty_table(), *parts], promote_options="default").sort_by(order)
