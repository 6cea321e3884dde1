"""A mirror for a ledger that has been in PostgreSQL alone: what is there is brought over, and until then DynamoDB cannot go on alone."""

from collections.abc import AsyncIterator
from random import Random

import msgspec
import pytest

from processor.journal.choice import connect_journal
from processor.journal.creation import create_in_dynamodb
from processor.journal.dynamodb import MAX_SHARDS, DynamoDbJournal
from processor.journal.dynamodb.mirror import DynamoDbMirror
from processor.journal.interface import Head, JournalUnavailable, LedgerUnusable
from processor.journal.postgres import PostgresJournal
from processor.journal.record import Record
from processor.settings import Settings
from tests.aws import EmulatedAws
from tests.contract.dynamodb_ledger import DynamoDbLedger
from tests.contract.ledgers import SHARDS, PostgresLedger
from tests.contract.writing import after, head_of, read_all, take

pytestmark = pytest.mark.anyio


class Former:
    """A ledger that was written to PostgreSQL alone: `appends` are its appends in their order, without the fences."""

    def __init__(self, settings: Settings, journal: PostgresJournal, appends: list[list[Record]]) -> None:
        self.settings = settings
        self.journal = journal
        self.appends = appends

    def now(self, journal: str) -> Settings:
        """Return its settings with another journal."""
        return msgspec.structs.replace(self.settings, journal=journal)


@pytest.fixture
async def former(aws: EmulatedAws, database_url: str, anyio_backend: str) -> AsyncIterator[Former]:
    settings = aws.settings(database_url=database_url, shards=SHARDS)
    DynamoDbLedger(settings)
    ledger, random = PostgresLedger(database_url), Random(5)
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    heads: dict[int, Head] = {shard: await take(journal, shard_map, shard) for shard in range(SHARDS)}
    appends = []
    for number in range(120):
        shards = sorted(random.sample(range(SHARDS), random.randint(1, SHARDS)))
        payload = bytes([number]) * (400_000 if number % 40 == 7 else random.randint(1, 3000))
        records = [after(heads[shard], payload) for shard in shards]
        await journal.append(records)
        heads |= {record.shard: head_of(record) for record in records}
        appends.append(records)
    yield Former(settings, journal, appends)
    await ledger.close()


async def test_a_new_mirror_gets_all_that_there_is_and_can_then_go_on_alone(former: Former) -> None:
    with pytest.raises(LedgerUnusable, match="DynamoDB lacks PostgreSQL's record"):
        await create_in_dynamodb(former.now("dynamodb"))
    await create_in_dynamodb(former.now("mirrored"))
    await create_in_dynamodb(former.now("mirrored"))
    await create_in_dynamodb(former.now("dynamodb"))
    alone = await DynamoDbJournal.connect(former.settings)
    for shard in range(SHARDS):
        before = await read_all(former.journal, shard)
        assert [record.frame() for record in await read_all(alone, shard)] == [record.frame() for record in before]
        assert await alone.head(shard) == head_of(before[-1])
    await alone.close()


async def test_a_mirror_that_was_cut_off_while_it_was_filled_cannot_go_on_alone_until_it_has_been_filled(
    former: Former, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    take_all = DynamoDbMirror.take

    async def take_twice(mirror: DynamoDbMirror, records: list[Record]) -> None:
        if len(taken) == 2:
            raise JournalUnavailable("the machine was switched off")
        taken.append(len(records))
        await take_all(mirror, records)

    with monkeypatch.context() as patch:
        patch.setattr(DynamoDbMirror, "take", take_twice)
        with pytest.raises(JournalUnavailable, match="switched off"):
            await create_in_dynamodb(former.now("mirrored"))
    mirror = await DynamoDbMirror.connect(former.settings)
    heads = await mirror.heads(range(SHARDS))
    assert sum(head.sequence for head in heads.values()) <= sum(taken) < sum(len(records) for records in former.appends)
    for journal in (connect_journal(former.now("dynamodb")), create_in_dynamodb(former.now("dynamodb"))):
        with pytest.raises(LedgerUnusable, match=r"the mirror in the DynamoDB table .* is not complete"):
            await journal
    await create_in_dynamodb(former.now("mirrored"))
    assert await mirror.is_complete()
    await create_in_dynamodb(former.now("dynamodb"))
    await mirror.close()


async def test_a_mirror_that_was_left_out_for_a_while_counts_as_incomplete_until_it_has_caught_up(
    former: Former, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take_none(mirror: DynamoDbMirror, records: list[Record]) -> None:
        raise JournalUnavailable("the machine was switched off")

    await create_in_dynamodb(former.now("mirrored"))
    await former.journal.append([after(await former.journal.head(0))])
    with monkeypatch.context() as patch:
        patch.setattr(DynamoDbMirror, "take", take_none)
        with pytest.raises(JournalUnavailable):
            await create_in_dynamodb(former.now("mirrored"))
    with pytest.raises(LedgerUnusable, match="is not complete"):
        await connect_journal(former.now("dynamodb"))
    await create_in_dynamodb(former.now("mirrored"))
    await (await connect_journal(former.now("dynamodb"))).close()


async def test_beside_hosts_what_a_complete_mirror_lacks_is_left_to_them(former: Former) -> None:
    await create_in_dynamodb(former.now("mirrored"), beside_hosts=True)
    mirror = await DynamoDbMirror.connect(former.settings)
    assert await mirror.heads(range(SHARDS)) == {head.shard: head for head in await former.journal.heads_at_once()}
    before = await mirror.head(0)
    # As an append that a host has under way just now: PostgreSQL has it, and the host is about to bring it to the mirror.
    await former.journal.append([after(await former.journal.head(0))])
    await create_in_dynamodb(former.now("mirrored"), beside_hosts=True)
    assert await mirror.head(0) == before
    assert await mirror.is_complete()
    await create_in_dynamodb(former.now("mirrored"))
    assert await mirror.head(0) == await former.journal.head(0)
    await mirror.close()


@pytest.mark.parametrize(("each", "limit_bytes"), [(1, 10**9), (3, 10**9), (1000, 1), (1000, 5000), (7, 20_000), (1000, 10**9)])
async def test_appends_are_told_whole_and_in_order_however_much_is_asked_for(former: Former, each: int, limit_bytes: int) -> None:
    expected = [[(record.shard, record.sequence) for record in records] for records in former.appends]
    position = dict.fromkeys(range(SHARDS), 1)  # The fences.
    told: list[list[tuple[int, int]]] = []
    while rows := await former.journal.appended_after(position, each, limit_bytes):
        of_append: dict[int, list[tuple[int, int]]] = {}
        for append, record in rows:
            of_append.setdefault(append, []).append((record.shard, record.sequence))
            position[record.shard] = record.sequence
        told += of_append.values()
    assert told == expected


async def test_settings_that_dynamodb_has_no_room_for_are_refused_before_anything_is_made(
    aws: EmulatedAws, database_url: str
) -> None:
    settings = aws.settings(database_url=database_url, shards=MAX_SHARDS + 1, journal="mirrored")
    with pytest.raises(LedgerUnusable, match=f"choose 1 to {MAX_SHARDS}"):
        await create_in_dynamodb(settings)
    with pytest.raises(LedgerUnusable, match=r"does not exist .* make it with `payments aws create`"):
        await create_in_dynamodb(msgspec.structs.replace(settings, shards=SHARDS))
