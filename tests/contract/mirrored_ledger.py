"""A ledger in a PostgreSQL database that is mirrored to a DynamoDB table."""

from processor.journal.dynamodb.mirror import DynamoDbMirror
from processor.journal.mirrored import MirroredJournal
from processor.journal.postgres import PostgresShardMap
from processor.settings import Settings
from tests.contract.dynamodb_ledger import DynamoDbLedger
from tests.contract.ledgers import PostgresLedger


class MirroredLedger:
    """What only tests may do is done to PostgreSQL: that is what readers see. `mirror` is the other store."""

    records_in_a_page = 0

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.primary = PostgresLedger(settings.database_url)
        self.mirror = DynamoDbLedger(settings)
        self._mirrors: list[DynamoDbMirror] = []

    async def journal(self) -> MirroredJournal:
        await self.mirror.create(is_mirror=True)
        mirror = await DynamoDbMirror.connect(self.settings)
        self._mirrors.append(mirror)
        return MirroredJournal(await self.primary.journal(), mirror)

    async def shard_map(self) -> PostgresShardMap:
        return await self.primary.shard_map()

    async def replace_frame(self, shard: int, sequence: int, frame: bytes) -> None:
        await self.primary.replace_frame(shard, sequence, frame)

    async def replace_hash(self, shard: int, sequence: int, record_hash: bytes) -> None:
        await self.primary.replace_hash(shard, sequence, record_hash)

    async def swap_records(self, shard: int, first: int, second: int) -> None:
        await self.primary.swap_records(shard, first, second)

    async def remove_record(self, shard: int, sequence: int) -> None:
        await self.primary.remove_record(shard, sequence)

    async def damage_snapshot(self, shard: int, sequence: int) -> None:
        await self.primary.damage_snapshot(shard, sequence)

    async def pass_time(self, seconds: float) -> None:
        await self.primary.pass_time(seconds)

    async def close(self) -> None:
        for mirror in self._mirrors:
            await mirror.close()
        await self.primary.close()
        await self.mirror.close()
