"""A ledger in a DynamoDB table of its own, at an emulator."""

import time
from typing import Any

from processor.aws.clients import aws_client
from processor.aws.resources import journal_table
from processor.journal.dynamodb import DynamoDbJournal, DynamoDbShardMap, create_ledger
from processor.journal.dynamodb.items import Item, binary, record_key, snapshot_key, state_part_key
from processor.journal.dynamodb.link import Link
from processor.settings import Settings
from tests.contract.ledgers import LEASE_SECONDS, SHARDS


class DynamoDbLedger:
    """Every writer and every shard map has connections of its own. `pass_time` moves the clock by which they measure leases."""

    records_in_a_page = 0

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = aws_client(settings, "dynamodb")
        self.table = settings.dynamodb_journal_table
        self._seconds = 0.0
        self._connected: list[DynamoDbJournal | DynamoDbShardMap] = []
        # Without what a table in AWS has besides, and without waiting for it: the emulator has it at once.
        table = journal_table(settings)
        self.client.create_table(
            TableName=table.name,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in table.attributes.items()],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )

    async def create(self, is_mirror: bool = False) -> None:
        """Make the ledger, if it is not there yet."""
        link = Link(self.settings, 1)
        await create_ledger(link, SHARDS, is_mirror=is_mirror)
        link.close()

    async def journal(self) -> DynamoDbJournal:
        await self.create()
        journal = await DynamoDbJournal.connect(self.settings)
        self._connected.append(journal)
        return journal

    async def shard_map(self) -> DynamoDbShardMap:
        await self.create()
        shard_map = await DynamoDbShardMap.connect(self.settings, LEASE_SECONDS, lambda: time.monotonic() + self._seconds)
        self._connected.append(shard_map)
        return shard_map

    async def replace_frame(self, shard: int, sequence: int, frame: bytes) -> None:
        self.change(record_key(shard, sequence), frame=binary(frame))

    async def replace_hash(self, shard: int, sequence: int, record_hash: bytes) -> None:
        self.change(record_key(shard, sequence), hash=binary(record_hash))

    async def swap_records(self, shard: int, first: int, second: int) -> None:
        one, other = self.item(record_key(shard, first)), self.item(record_key(shard, second))
        self.put(one | record_key(shard, second))
        self.put(other | record_key(shard, first))

    async def remove_record(self, shard: int, sequence: int) -> None:
        self.client.delete_item(TableName=self.table, Key=record_key(shard, sequence))

    async def damage_snapshot(self, shard: int, sequence: int) -> None:
        checksum = self.item(snapshot_key(shard, sequence))["checksum"]["B"]
        place = state_part_key(shard, sequence, checksum, 0)
        self.change(place, state=binary(b"?" + self.item(place)["state"]["B"][1:]))

    async def pass_time(self, seconds: float) -> None:
        self._seconds += seconds

    async def close(self) -> None:
        for connected in self._connected:
            await connected.close()

    def item(self, place: Item) -> Item:
        """Return an item that is there."""
        found: Item = self.client.get_item(TableName=self.table, Key=place, ConsistentRead=True)["Item"]
        return found

    def put(self, item: Item) -> None:
        """Write an item behind the journal's back."""
        self.client.put_item(TableName=self.table, Item=item)

    def change(self, place: Item, **attributes: Any) -> None:
        """Change some attributes of an item behind the journal's back."""
        self.put(self.item(place) | attributes)
