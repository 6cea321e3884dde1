"""Snapshots in DynamoDB: an item that says what there is, and the state in parts."""

from collections.abc import Sequence

from processor.journal.dynamodb.items import (
    Item,
    binary,
    cut,
    number,
    record_key,
    snapshot_key,
    snapshots_of,
    state_part_key,
    text,
)
from processor.journal.dynamodb.link import Link
from processor.journal.interface import Fenced, Snapshot
from processor.journal.snapshots import snapshot_checksum

_AFTER_ALL = 2**63 - 1
# Of so many parts at a time the memory holds two copies.
_PARTS_AT_ONCE = 24


class Snapshots:
    """Saves and finds snapshots of any size."""

    def __init__(self, link: Link) -> None:
        """Use this link, which is not the one that appends: saving takes a while."""
        self._link = link

    async def save(self, snapshot: Snapshot) -> None:
        """Store a snapshot, then delete all older ones but the newest. One cut short is known as such, and never used.

        Raises Fenced if the journal has not the record that the snapshot belongs to, JournalUnavailable.
        """
        shard, sequence = snapshot.shard, snapshot.sequence
        [record] = await self._link.get_all([record_key(shard, sequence)], ["hash"])
        if record is None or record["hash"]["B"] != snapshot.hash:
            raise Fenced(f"shard {shard}: the state at sequence {sequence} is not what the journal says")
        checksum = snapshot_checksum(shard, sequence, snapshot.hash, [snapshot.state])
        parts = cut(snapshot.state)
        item = (
            snapshot_key(shard, sequence)
            | {"hash": binary(snapshot.hash), "checksum": binary(checksum), "parts": number(len(parts))}
            | {"is_whole": {"BOOL": False}}
        )
        # First what will be there, so that parts of which nothing else comes can be found and deleted.
        replaced = await self._put(item)
        for start in range(0, len(parts), _PARTS_AT_ONCE):
            await self._link.put_all([
                state_part_key(shard, sequence, checksum, start + offset) | {"state": binary(part)}
                for offset, part in enumerate(parts[start : start + _PARTS_AT_ONCE])
            ])  # fmt: skip
        await self._put(item | {"is_whole": {"BOOL": True}})
        if replaced is not None and replaced["checksum"]["B"] != checksum:
            await self._delete_parts(shard, replaced)
        await self._delete_older(shard, sequence)

    async def latest(self, shard: int) -> Snapshot | None:
        """Return the shard's newest snapshot that is whole, or None."""
        before = _AFTER_ALL
        while True:
            found = await self._before(shard, before, limit=1)
            if not found:
                return None
            [item] = found
            before = int(item["sk"]["N"])
            snapshot = await self._read(shard, item) if item["is_whole"]["BOOL"] else None
            if snapshot is not None:
                return snapshot

    async def _read(self, shard: int, item: Item) -> Snapshot | None:
        sequence, record_hash = int(item["sk"]["N"]), item["hash"]["B"]
        keys = _part_keys(shard, item)
        parts = [part["state"]["B"] for part in await self._link.get_all(keys) if part is not None]
        if snapshot_checksum(shard, sequence, record_hash, parts) != item["checksum"]["B"]:
            return None
        return Snapshot(shard, sequence, record_hash, b"".join(parts))

    async def _delete_older(self, shard: int, sequence: int) -> None:
        older = await self._before(shard, sequence)
        newest_whole = next((number for number, item in enumerate(older) if item["is_whole"]["BOOL"]), len(older))
        for item in older[newest_whole + 1 :]:
            # The parts first: as long as the item is there, what is left of them can be found.
            await self._delete_parts(shard, item)
            await self._link.delete_all([snapshot_key(shard, int(item["sk"]["N"]))])

    async def _delete_parts(self, shard: int, item: Item) -> None:
        await self._link.delete_all(_part_keys(shard, item))

    async def _before(self, shard: int, sequence: int, limit: int | None = None) -> list[Item]:
        """Return the snapshots before a sequence, newest first. There are never more than a few."""
        found = await self._link.read(
            "query",
            TableName=self._link.table,
            ConsistentRead=True,
            ScanIndexForward=False,
            KeyConditionExpression="pk = :snapshots AND sk < :before",
            ExpressionAttributeValues={":snapshots": text(snapshots_of(shard)), ":before": number(sequence)},
            **({"Limit": limit} if limit else {}),
        )
        items: list[Item] = found["Items"]
        return items

    async def _put(self, item: Item) -> Item | None:
        found = await self._link.write("put_item", TableName=self._link.table, Item=item, ReturnValues="ALL_OLD")
        replaced: Item | None = found.get("Attributes")
        return replaced


def _part_keys(shard: int, item: Item) -> Sequence[Item]:
    sequence, checksum = int(item["sk"]["N"]), item["checksum"]["B"]
    return [state_part_key(shard, sequence, checksum, part) for part in range(int(item["parts"]["N"]))]
