"""What has been committed: manifests in the ledger's database, each written in the transaction that moves the bridge's cursor.

That transaction decides. Two copies of the bridge may write the same events into different files; only one can move the cursor, and
only its manifest will ever name them. The manifest is then carried to S3 from the row, as often as it takes.
"""

from collections.abc import Sequence

import asyncpg

from processor.bridges.s3.manifest import Covered, DataFile, Manifest, Stored, encode_manifest, stored_manifest
from processor.clock import now_microseconds
from processor.journal.postgres.link import Link
from processor.journal.postgres.queries import load_queries
from processor.wire_values import rfc3339

_QUERIES = load_queries("segments.sql", __package__)


class Segments:
    """The segments of one bridge. All functions raise JournalUnavailable."""

    def __init__(self, link: Link, bridge: str) -> None:
        """`link` leads to the ledger's database."""
        self._link = link
        self._bridge = bridge

    async def newest(self) -> Stored | None:
        """Return the newest manifest that was committed, or None."""
        rows = await self._link.fetch(_QUERIES["newest"], self._bridge)
        return stored_manifest(rows[0]["manifest"]) if rows else None

    async def unpublished(self) -> list[bytes]:
        """Return the committed manifests that may not be in S3 yet, oldest first."""
        return [row["manifest"] for row in await self._link.fetch(_QUERIES["unpublished"], self._bridge)]

    async def note_published(self, number: int) -> None:
        """Note that S3 has this manifest and all before it."""
        await self._link.execute(_QUERIES["note_published"], self._bridge, number)

    async def commit(self, connection: asyncpg.Connection, files: Sequence[DataFile], events: Sequence[str]) -> None:
        """Add a segment, inside the transaction that has moved the cursor: it covers all that no segment has covered yet.

        `events` are the names of those in the files.
        """
        row = await connection.fetchrow(_QUERIES["newest"], self._bridge)
        before = stored_manifest(row["manifest"]) if row is not None else None
        covers = await self._newly_covered(connection, before)
        bounds = zip(*((cover.shard, cover.after, cover.until) for cover in covers), strict=True)
        given_up = await connection.fetch(_QUERIES["given_up"], self._bridge, *map(list, bounds))
        left_out = dict.fromkeys(before.manifest.left_out if before is not None else ())
        left_out |= dict.fromkeys(f"{letter['shard']}:{letter['sequence']}:{letter['index']}" for letter in given_up)
        for name in events:
            left_out.pop(name, None)
        manifest = Manifest(
            bridge=self._bridge,
            number=before.manifest.number + 1 if before is not None else 1,
            previous=before.hash if before is not None else None,
            written_at=rfc3339(now_microseconds()),
            events=len(events),
            covers=covers,
            files=tuple(files),
            left_out=tuple(left_out),
        )
        await connection.execute(_QUERIES["commit"], self._bridge, manifest.number, encode_manifest(manifest))

    async def _newly_covered(self, connection: asyncpg.Connection, before: Stored | None) -> tuple[Covered, ...]:
        ends = ends_of(before.manifest) if before is not None else {}
        cursor = await connection.fetch(_QUERIES["cursor"], self._bridge)
        # A cursor that was set back does not uncover what has been covered.
        known = [(row["shard"], ends.get(row["shard"], 0), row["sequence"]) for row in cursor]
        return tuple(Covered(shard, end, max(end, sequence)) for shard, end, sequence in known)


def ends_of(manifest: Manifest) -> dict[int, int]:
    """Return how far a manifest reaches: shard to the newest record that it or one before it covers."""
    return {cover.shard: cover.until for cover in manifest.covers}
