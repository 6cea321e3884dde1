"""A journal in two stores: what a crash leaves in one of them alone, and that the other could go on without it at any moment."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from random import Random

import pytest

from processor.clock import now_microseconds
from processor.journal.creation import create_in_dynamodb
from processor.journal.dynamodb import DynamoDbJournal, DynamoDbShardMap
from processor.journal.dynamodb.mirror import DynamoDbMirror
from processor.journal.interface import Fenced, Head, Journal, JournalCorrupt, JournalUnavailable, LedgerUnusable
from processor.journal.mirrored import MirroredJournal
from processor.journal.postgres import PostgresShardMap
from processor.journal.record import Record
from tests.aws import EmulatedAws
from tests.contract.dynamodb_faults import Fault, Faults, lose_answer, lose_request, while_it_waits
from tests.contract.ledgers import SHARDS
from tests.contract.mirrored_ledger import MirroredLedger
from tests.contract.writing import AT, after, head_of, read_all, take, write

pytestmark = pytest.mark.anyio

Appended = list[list[Record]]


class Writer:
    """A host that holds some shards, and may die between the two stores."""

    def __init__(self, journal: MirroredJournal, shard_map: PostgresShardMap) -> None:
        self.journal = journal
        self._map = shard_map
        self.heads: dict[int, Head] = {}

    async def take(self, *shards: int) -> None:
        """Become the owner of shards."""
        for shard in shards:
            self.heads[shard] = await take(self.journal, self._map, shard)

    async def append(self, *shards: int, payload: bytes = b"payload") -> list[Record]:
        """Append to shards at once."""
        records = self._next(shards, payload)
        await self.journal.append(records)
        return records

    async def die_after_postgres(self, *shards: int, payload: bytes = b"payload") -> list[Record]:
        """Append to PostgreSQL alone, as if this host had died before the mirror had it."""
        records = self._next(shards, payload)
        await self.journal.primary.append(records)
        return records

    def _next(self, shards: Sequence[int], payload: bytes) -> list[Record]:
        records = [after(self.heads[shard], payload) for shard in shards]
        self.heads |= {record.shard: head_of(record) for record in records}
        return records


class Scene:
    """A ledger with a writer that has opened all shards."""

    def __init__(self, ledger: MirroredLedger, writer: Writer, shard_map: PostgresShardMap) -> None:
        self.ledger = ledger
        self.writer = writer
        self.shard_map = shard_map

    @property
    def mirror(self) -> DynamoDbMirror:
        return self.writer.journal.mirror

    async def another(self) -> Writer:
        """Return a writer that holds nothing yet."""
        return Writer(await self.ledger.journal(), self.shard_map)

    async def alone(self) -> tuple[DynamoDbJournal, DynamoDbShardMap]:
        """Return DynamoDB as a journal by itself."""
        await self.mirror.mark_complete(True)
        return await self.ledger.mirror.journal(), await self.ledger.mirror.shard_map()

    async def mirrored(self) -> list[int]:
        """Return how far the mirror is, by shard."""
        heads = await self.mirror.heads(range(SHARDS))
        return [heads[shard].sequence for shard in range(SHARDS)]


@pytest.fixture
async def scene(aws: EmulatedAws, database_url: str, anyio_backend: str) -> AsyncIterator[Scene]:
    # One attempt: boto3 would pause for up to a second before the next.
    ledger = MirroredLedger(aws.settings(database_url=database_url, shards=SHARDS, journal="mirrored", aws_max_attempts=1))
    shard_map = await ledger.shard_map()
    scene = Scene(ledger, Writer(await ledger.journal(), shard_map), shard_map)
    await scene.writer.take(*range(SHARDS))
    yield scene
    await ledger.close()


def at_the_mirror(writer: Writer, *faults: Fault) -> Faults:
    """Let the writer's next transactions with DynamoDB meet these faults."""
    return Faults(writer.journal.mirror._writer.client, "TransactWriteItems", *faults)


async def frames(journal: Journal, shard: int, until: int | None = None) -> list[bytes]:
    return [record.frame() for record in await read_all(journal, shard, 0, until)]


async def test_what_is_acknowledged_is_in_both_stores_alike(scene: Scene) -> None:
    await scene.writer.append(0, 2, payload=b"small")
    await scene.writer.append(0, 1, payload=bytes(1_000_000))
    for shard in range(SHARDS):
        assert await frames(scene.writer.journal.primary, shard) == await frames(scene.mirror, shard)
    assert await scene.mirrored() == [3, 2, 2, 1]


async def test_opening_one_shard_brings_over_the_whole_append_that_a_dead_host_left_in_postgres(scene: Scene) -> None:
    left = await scene.writer.die_after_postgres(0, 1, 3)
    next_owner = await scene.another()
    await next_owner.take(0)
    assert await scene.mirrored() == [3, 2, 1, 2]
    for record in left:
        assert (await frames(scene.mirror, record.shard))[1] == record.frame()


async def test_an_append_is_brought_over_with_what_it_needs_and_without_what_it_does_not(scene: Scene) -> None:
    await scene.writer.die_after_postgres(1, 2)  # needed: the next one follows it on shard 1
    await scene.writer.die_after_postgres(2, 3)  # not needed
    await scene.writer.die_after_postgres(0, 1)
    await scene.writer.die_after_postgres(1)  # not needed
    next_owner = await scene.another()
    await next_owner.take(0)
    assert await scene.mirrored() == [3, 3, 2, 1]
    await next_owner.take(3)
    assert await scene.mirrored() == [3, 3, 3, 3]
    await next_owner.take(1)
    assert await scene.mirrored() == [3, 5, 3, 3]


async def test_several_hosts_that_take_over_at_once_complete_the_same_appends_together(scene: Scene) -> None:
    for _ in range(3):
        await scene.writer.die_after_postgres(*range(SHARDS))
    writers = [await scene.another() for _ in range(SHARDS)]
    await asyncio.gather(*(writer.take(shard) for shard, writer in enumerate(writers)))
    assert await scene.mirrored() == [5] * SHARDS
    await asyncio.gather(*(writer.append(shard) for shard, writer in enumerate(writers)))
    for shard in range(SHARDS):
        assert await frames(scene.mirror, shard) == await frames(scene.writer.journal.primary, shard)


async def test_an_owner_who_is_slow_at_the_mirror_finds_its_append_there_and_acknowledges_it(scene: Scene) -> None:
    next_owner = await scene.another()
    at_the_mirror(scene.writer, while_it_waits(lambda: next_owner.take(0), lambda _: None))
    await scene.writer.append(0, 1)
    with pytest.raises(Fenced):
        await scene.writer.append(0)


@pytest.mark.parametrize("fault", [lose_request, lose_answer])
async def test_an_append_that_the_mirror_does_not_answer_is_unknown_and_in_both_after_the_next_opening(
    scene: Scene, fault: Fault
) -> None:
    at_the_mirror(scene.writer, fault)
    with pytest.raises(JournalUnavailable):
        await scene.writer.append(0, 1)
    with pytest.raises(JournalUnavailable, match="DynamoDB lacks what comes before") if fault is lose_request else nullcontext():
        await scene.writer.append(1)
    await scene.writer.take(0, 1)
    await scene.writer.append(0, 1)
    for shard in (0, 1):
        assert await frames(scene.mirror, shard) == await frames(scene.writer.journal.primary, shard)


async def test_what_only_postgres_has_is_not_shown_yet(scene: Scene) -> None:
    acknowledged = await scene.writer.append(0, 1)
    await scene.writer.die_after_postgres(0)
    journal = scene.writer.journal
    assert await journal.head(0) == head_of(acknowledged[0])
    assert [record.sequence for record in await read_all(journal, 0)] == [1, 2]
    assert await journal.tail({0: 1, 1: 1}, 1_000_000) == acknowledged
    assert [record.sequence for record in await read_all(journal.primary, 0)] == [1, 2, 3]


async def test_the_age_of_what_the_mirror_lacks_is_told_until_the_shard_is_opened(scene: Scene) -> None:
    await scene.writer.append(0, 1)
    assert await scene.writer.journal.mirror_lag() == dict.fromkeys(range(SHARDS), 0.0)
    (left,) = await scene.writer.die_after_postgres(0)
    lag = await scene.writer.journal.mirror_lag()
    assert lag[0] == pytest.approx((now_microseconds() - left.at) / 1e6, abs=60)
    assert [lag[shard] for shard in range(1, SHARDS)] == [0.0] * (SHARDS - 1)
    await (await scene.another()).take(0)
    assert await scene.writer.journal.mirror_lag() == dict.fromkeys(range(SHARDS), 0.0)


async def test_a_shard_that_nobody_completes_does_not_hold_up_what_others_show(scene: Scene) -> None:
    await scene.writer.die_after_postgres(0, payload=bytes(100_000))
    shown = await scene.writer.append(1, 2)
    assert await scene.writer.journal.tail(dict.fromkeys(range(SHARDS), 1), 1_000_000) == shown
    assert await scene.writer.journal.tail(dict.fromkeys(range(SHARDS), 1), 1) == shown[:1]
    assert await scene.writer.journal.tail({0: 1}, 1) == []


async def test_a_shard_whose_stores_have_parted_does_not_keep_others_from_being_opened(scene: Scene) -> None:
    alone, shard_map = await scene.alone()
    await take(alone, shard_map, 0)
    await scene.writer.die_after_postgres(0)
    await scene.writer.die_after_postgres(1, 2)
    next_owner = await scene.another()
    await next_owner.take(2)
    assert (await scene.mirrored())[1:] == [2, 3, 1]
    with pytest.raises(JournalCorrupt):
        await next_owner.take(0)


async def test_a_mirror_that_cannot_be_reached_gets_no_fence_into_postgres(scene: Scene) -> None:
    before = await scene.writer.journal.primary.head(0)
    Faults(scene.mirror._readers.client, "BatchGetItem", *[lose_request] * 10)
    with pytest.raises(JournalUnavailable):
        await scene.writer.take(0)
    assert (await scene.writer.journal.primary.head(0)).sequence == before.sequence


async def test_a_postgres_that_has_lost_records_is_not_written_to(scene: Scene) -> None:
    await scene.writer.append(0)
    await scene.ledger.primary.remove_record(0, 2)
    with pytest.raises(JournalCorrupt, match="shard 0: DynamoDB has record 2, which PostgreSQL lacks"):
        await scene.writer.take(0)
    assert (await scene.writer.journal.primary.head(0)).sequence == 1
    with pytest.raises(LedgerUnusable, match="PostgreSQL has lost acknowledged records"):
        await create_in_dynamodb(scene.ledger.settings)


async def test_stores_that_have_parted_are_noticed_by_opening_and_by_appending(scene: Scene) -> None:
    alone, shard_map = await scene.alone()
    await write(alone, await take(alone, shard_map, 0), 1)
    with pytest.raises(JournalCorrupt, match="shard 0, sequence 2: DynamoDB has another record than PostgreSQL"):
        await scene.writer.append(0)
    with pytest.raises(JournalCorrupt, match="DynamoDB has record 3, which PostgreSQL lacks"):
        await scene.writer.take(0)


async def test_once_dynamodb_has_begun_to_go_on_alone_nothing_more_is_acknowledged_by_both(scene: Scene) -> None:
    alone, shard_map = await scene.alone()
    assert await shard_map.claim(0, 1, "alone") == 2
    with pytest.raises(JournalUnavailable):
        await scene.writer.append(0)
    opened = await alone.open(0, 2, AT)
    assert opened.sequence == 2
    await write(alone, opened, 1)


async def test_at_every_moment_the_mirror_has_whole_appends_without_a_gap_and_all_that_was_acknowledged(scene: Scene) -> None:
    """Hosts append to random shards at once and die at random points of it; others take over."""
    random = Random(7)
    appended: Appended = []
    acknowledged: Appended = []
    writer, resting = scene.writer, await scene.another()
    for _ in range(40):
        shards = random.sample(range(SHARDS), random.randint(1, SHARDS))
        match random.choice(("fine", "fine", "dies", "dies twice", "lost", "unanswered", "moves")):
            case "fine":
                acknowledged.append(await writer.append(*shards))
                appended.append(acknowledged[-1])
                continue
            case "dies":
                appended.append(await writer.die_after_postgres(*shards))
            case "dies twice":
                appended += [
                    await writer.die_after_postgres(*shards),
                    await writer.die_after_postgres(shards[0], *_others(shards)),
                ]
            case "lost" | "unanswered" as fate:
                at_the_mirror(writer, lose_request if fate == "lost" else lose_answer)
                with pytest.raises(JournalUnavailable):
                    await writer.append(*shards)
                appended.append([await _newest(writer, shard) for shard in shards])
            case "moves":
                pass
        writer, resting = resting, writer
        for shard in random.sample(range(SHARDS), SHARDS):
            await writer.take(shard)
            await _check_cut(scene, appended, acknowledged)
    for shard in range(SHARDS):
        assert await frames(scene.mirror, shard) == await frames(writer.journal.primary, shard)


def _others(shards: Sequence[int]) -> list[int]:
    return [shard for shard in range(SHARDS) if shard not in shards][:1]


async def _newest(writer: Writer, shard: int) -> Record:
    record = await writer.journal.primary.record(shard, writer.heads[shard].sequence)
    assert record is not None
    return record


async def _check_cut(scene: Scene, appended: Appended, acknowledged: Appended) -> None:
    mirrored = await scene.mirrored()
    for records in appended:
        there = {record.sequence <= mirrored[record.shard] for record in records}
        assert len(there) == 1, "an append is in the mirror in part"
    assert all(record.sequence <= mirrored[record.shard] for records in acknowledged for record in records)
