"""Snapshots in PostgreSQL: a table of parts."""

from processor.journal.interface import Fenced, Snapshot
from processor.journal.postgres.queries import load_queries
from processor.journal.postgres.readers import Readers
from processor.journal.snapshots import snapshot_checksum

_QUERIES = load_queries("snapshots.sql")
_PART_BYTES = 4 * 1024 * 1024
_AFTER_ALL = 2**63 - 1


class SnapshotTable:
    """Saves and finds snapshots of any size."""

    def __init__(self, connections: Readers) -> None:
        """Use these connections, which are not the one that appends: saving takes a while."""
        self._connections = connections

    async def save(self, snapshot: Snapshot) -> None:
        """Store a snapshot, then delete all older ones but the newest. One cut short lacks parts, so it is never used.

        Raises Fenced if the journal has not the record that the snapshot belongs to, JournalUnavailable.
        """
        shard, sequence = snapshot.shard, snapshot.sequence
        state = memoryview(snapshot.state)
        parts = [state[start : start + _PART_BYTES] for start in range(0, len(state), _PART_BYTES)] or [state]
        checksum = snapshot_checksum(shard, sequence, snapshot.hash, parts)
        for number, part in enumerate(parts):
            whole = (shard, sequence, snapshot.hash)
            if not await self._connections.fetch(_QUERIES["save_part"], *whole, number, len(parts), checksum, part):
                raise Fenced(f"shard {shard}: the state at sequence {sequence} is not what the journal says")
        await self._connections.fetch(_QUERIES["delete_older"], shard, sequence)

    async def latest(self, shard: int) -> Snapshot | None:
        """Return the shard's newest snapshot that is whole and belongs to the journal's record, or None."""
        before = _AFTER_ALL
        while rows := await self._connections.fetch(_QUERIES["newest_before"], shard, before):
            sequence, record_hash = rows[0]["sequence"], rows[0]["hash"]
            parts = await self._parts(shard, sequence, rows[0]["parts"])
            if snapshot_checksum(shard, sequence, record_hash, parts) == rows[0]["checksum"]:
                return Snapshot(shard, sequence, record_hash, b"".join(parts))
            before = sequence
        return None

    async def _parts(self, shard: int, sequence: int, count: int) -> list[bytes]:
        rows = [await self._connections.fetch(_QUERIES["read_part"], shard, sequence, part) for part in range(count)]
        return [row["state"] for found in rows for row in found]
