"""Who owns which shard, in DynamoDB: the owner stands in the shard's head, so that a claim and the fence are one write.

Whatever changes owners also raises one number, in the same transaction. Whoever waits for a change only reads that number, and as
long as it stands still nobody needs to read all heads again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from processor.journal.dynamodb.heads import StoredHead, read_heads
from processor.journal.dynamodb.items import HOSTS, MAP, Item, head_key, host_key, number, text
from processor.journal.dynamodb.ledger import read_shard_count
from processor.journal.dynamodb.link import Link, Refused
from processor.journal.dynamodb.observed_hosts import ObservedHosts
from processor.journal.interface import Host, JournalUnavailable, LedgerUnusable, Ownership
from processor.settings import Settings

POLL_SECONDS = 0.2
"""How often the number is read while somebody waits: half a read unit or one, each time."""

_THREADS = 4
# Others may change owners between reading and writing.
_ATTEMPTS = 16


class DynamoDbShardMap:
    """Implements ShardMap."""

    def __init__(self, shards: int, link: Link, lease_seconds: float, clock: Callable[[], float]) -> None:
        """Use `connect` instead."""
        self._shards = range(shards)
        self._link = link
        self._hosts = ObservedHosts(lease_seconds, clock)
        self._heads: list[StoredHead] = []
        self._heads_version = -1
        self._told_version = -1

    @classmethod
    async def connect(cls, settings: Settings, lease_seconds: float = 3.0, clock: Callable[[], float] = time.monotonic) -> Self:
        """Return a shard map; leases run by `clock`, in seconds. Raises JournalUnavailable, LedgerUnusable."""
        link = Link(settings, _THREADS)
        shard_map = cls(await read_shard_count(link), link, lease_seconds, clock)
        shard_map._told_version = await shard_map._version()
        return shard_map

    async def close(self) -> None:
        """Take no more calls."""
        self._link.close()

    async def heartbeat(
        self, host: str, actor: str, pid: int, leaving: bool = False, door: bytes = b""
    ) -> tuple[list[Host], list[Ownership]]:
        was_fresh = self._hosts.is_fresh(host)
        beat = await self._link.write(
            "update_item",
            TableName=self._link.table,
            Key=host_key(host),
            UpdateExpression="SET #host = :host, #actor = :actor, pid = :pid, leaving = :leaving, door = :door ADD beats :one",
            ExpressionAttributeNames={"#host": "host", "#actor": "actor"},
            ExpressionAttributeValues={
                ":host": text(host), ":actor": text(actor), ":pid": number(pid), ":leaving": {"BOOL": leaving},
                ":door": {"B": door}, ":one": number(1),
            },
            ReturnValues="ALL_OLD",
        )  # fmt: skip
        before = beat.get("Attributes", {})
        told = {"actor": text(actor), "pid": number(pid), "leaving": {"BOOL": leaving}, "door": {"B": door}}
        if not was_fresh or any(before.get(name) != value for name, value in told.items()):
            await self._link.write("update_item", **self._change())
        view = await self.view()
        forgotten = self._hosts.long_dead()
        for name, beats in forgotten.items():
            await self._remove(name, beats)
        return await self.view() if forgotten else view

    async def view(self) -> tuple[list[Host], list[Ownership]]:
        version, hosts = await asyncio.gather(self._version(), self._read_hosts())
        if version != self._heads_version:
            # Read after the number: what changes in between is read again because the number changes.
            self._heads = await read_heads(self._link, self._shards)
            self._heads_version = version
        return self._hosts.look(hosts), [stored.ownership for stored in self._heads]

    async def claim(self, shard: int, epoch: int, host: str) -> int | None:
        return epoch + 1 if await self._change_owner(shard, epoch, host) else None

    async def release(self, shard: int, epoch: int) -> None:
        await self._change_owner(shard, epoch, None)

    async def remove_host(self, host: str) -> None:
        await self._remove(host)

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                version = await self._version()
            except JournalUnavailable:
                version = self._told_version  # The caller's timeout stands in for the change.
            if version != self._told_version:
                self._told_version = version
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(POLL_SECONDS, left))

    async def _version(self) -> int:
        item = await self._link.get(MAP)
        if item is None:
            raise LedgerUnusable(f"the DynamoDB table {self._link.table} has lost its shard map: restore the table")
        return int(item["version"]["N"])

    async def _read_hosts(self) -> list[Item]:
        found: list[Item] = []
        request: dict[str, Any] = {
            "TableName": self._link.table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :hosts",
            "ExpressionAttributeValues": {":hosts": text(HOSTS)},
        }
        while True:
            page = await self._link.read("query", **request)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    async def _change_owner(self, shard: int, epoch: int, host: str | None) -> bool:
        """Give a shard to a host in the next epoch, or to nobody in the same one, if `epoch` is still its epoch."""
        values = {":epoch": number(epoch)}
        if host is None:
            update, condition = "REMOVE #host", "epoch = :epoch AND attribute_exists(#host)"
        else:
            update, condition = "SET epoch = :next, #host = :host", "epoch = :epoch"
            values |= {":next": number(epoch + 1), ":host": text(host)}
        try:
            await self._transact([self._head(shard, update, condition, values)])
        except Refused:
            return False
        return True

    async def _remove(self, host: str, beats: int | None = None) -> None:
        """Forget a host (with `beats`: if that is still its last heartbeat) and that it owned shards."""
        condition, values = ("attribute_exists(pk)", {}) if beats is None else ("beats = :beats", {":beats": number(beats)})
        delete = {
            "TableName": self._link.table,
            "Key": host_key(host),
            "ConditionExpression": condition,
            **({"ExpressionAttributeValues": values} if values else {}),
        }
        for _ in range(_ATTEMPTS):
            owned = [stored.head.shard for stored in await read_heads(self._link, self._shards) if stored.host == host]
            given_up = [self._head(shard, "REMOVE #host", "#host = :host", {":host": text(host)}) for shard in owned]
            try:
                return await self._transact([{"Delete": delete}, *given_up])
            except Refused:
                found = await self._link.get(host_key(host))
                if found is None or (beats is not None and int(found["beats"]["N"]) != beats):
                    return None  # Somebody else has removed it, or it lives.
        raise JournalUnavailable(f"others kept changing the owners of shards while host {host} was being removed")

    def _head(self, shard: int, update: str, condition: str, values: Item) -> Item:
        """Return the change of a shard's owner."""
        return {
            "Update": {
                "TableName": self._link.table,
                "Key": head_key(shard),
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#host": "host"},
                "ExpressionAttributeValues": values,
            }
        }

    async def _transact(self, items: Sequence[Item]) -> None:
        await self._link.write("transact_write_items", TransactItems=[*items, {"Update": self._change()}])

    def _change(self) -> dict[str, Any]:
        """Return the write by which others learn that something has changed."""
        return {
            "TableName": self._link.table,
            "Key": MAP,
            "UpdateExpression": "ADD version :one",
            "ExpressionAttributeValues": {":one": number(1)},
        }
