"""Writers that overlap in PostgreSQL: what the comment at the query `append` claims, case by case."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import pytest

from processor.journal.interface import Fenced, Head
from processor.journal.postgres.journal import APPEND, PostgresJournal, append_arguments
from processor.journal.postgres.shard_map import PostgresShardMap
from processor.journal.record import Record
from tests.contract.ledgers import PostgresLedger
from tests.contract.postgres_sessions import until_somebody_waits_for_a_lock
from tests.contract.writing import AT, after, head_of, read_all, take, write

pytestmark = pytest.mark.anyio


class Scene(NamedTuple):
    """Shard 0 with three records up to `head`, and a session in which the old owner's statements can be held up."""

    ledger: PostgresLedger
    journal: PostgresJournal
    shard_map: PostgresShardMap
    session: asyncpg.Connection
    head: Head

    async def zombie_appends(self, record: Record) -> str:
        """Send the statement that the old owner would send."""
        status: str = await self.session.execute(APPEND, *append_arguments([record]))
        return status

    async def claim(self) -> int:
        """Take the shard over, and return the new epoch."""
        epoch = await self.shard_map.claim(0, self.head.epoch, "new owner")
        assert epoch is not None
        return epoch


@pytest.fixture
async def scene(database_url: str, anyio_backend: str) -> AsyncIterator[Scene]:
    ledger = PostgresLedger(database_url)
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    session = await asyncpg.connect(database_url)
    yield Scene(ledger, journal, shard_map, session, await write(journal, await take(journal, shard_map, 0), 2))
    session.terminate()
    await ledger.close()


async def test_a_record_in_flight_while_the_new_owner_opens_comes_before_the_fence(scene: Scene) -> None:
    in_flight = after(scene.head, b"in flight")
    transaction = scene.session.transaction()
    await transaction.start()
    assert await scene.zombie_appends(in_flight) == "INSERT 0 1"
    opening = asyncio.create_task(scene.journal.open(0, await scene.claim(), AT))
    await until_somebody_waits_for_a_lock(scene.session)
    await transaction.commit()

    opened = await opening
    assert opened.sequence == in_flight.sequence + 1
    records = await read_all(scene.journal, 0)
    assert records[-2].frame() == in_flight.frame()
    assert head_of(records[-1]) == opened
    # What the old owner sends from now on is refused, whether or not it knows about the fence.
    assert await scene.zombie_appends(Record(0, scene.head.epoch, opened.sequence + 1, AT, opened.hash, b"next")) == "INSERT 0 0"


async def test_a_record_in_flight_that_is_rolled_back_leaves_its_sequence_to_the_fence(scene: Scene) -> None:
    transaction = scene.session.transaction()
    await transaction.start()
    await scene.zombie_appends(after(scene.head, b"in flight"))
    opening = asyncio.create_task(scene.journal.open(0, await scene.claim(), AT))
    await until_somebody_waits_for_a_lock(scene.session)
    await transaction.rollback()
    assert (await opening).sequence == scene.head.sequence + 1


async def test_a_statement_that_began_before_the_claim_and_arrives_after_the_fence_is_refused(scene: Scene) -> None:
    # A repeatable read transaction keeps its first snapshot, as a statement does that is slow to reach the table.
    async with scene.session.transaction(isolation="repeatable_read"):
        assert await scene.session.fetchval("SELECT epoch FROM payments.shards WHERE shard = 0") == scene.head.epoch
        opened = await scene.journal.open(0, await scene.claim(), AT)
        assert opened.sequence == scene.head.sequence + 1
        with pytest.raises(asyncpg.UniqueViolationError):
            async with scene.session.transaction():
                await scene.zombie_appends(after(scene.head, b"late"))
        assert await scene.journal.head(0) == opened


async def test_a_statement_that_began_before_the_claim_is_refused_even_if_it_names_the_sequence_after_the_fence(
    scene: Scene,
) -> None:
    async with scene.session.transaction(isolation="repeatable_read"):
        await scene.session.fetchval("SELECT epoch FROM payments.shards WHERE shard = 0")
        opened = await scene.journal.open(0, await scene.claim(), AT)
        late = Record(0, scene.head.epoch, opened.sequence + 1, AT, opened.hash, b"late")
        assert await scene.zombie_appends(late) == "INSERT 0 0"
    assert await scene.journal.head(0) == opened


async def test_an_append_of_several_shards_is_refused_whole_when_one_was_taken_over_in_between(scene: Scene) -> None:
    other = await take(scene.journal, scene.shard_map, 1)
    async with scene.session.transaction(isolation="repeatable_read"):
        await scene.session.fetchval("SELECT epoch FROM payments.shards WHERE shard = 0")
        await scene.journal.open(0, await scene.claim(), AT)
        with pytest.raises(asyncpg.UniqueViolationError):
            async with scene.session.transaction():
                await scene.session.execute(APPEND, *append_arguments([after(scene.head), after(other)]))
    assert await scene.journal.head(1) == other


async def test_two_appends_over_the_same_shards_in_opposite_order_never_wait_in_a_circle(scene: Scene) -> None:
    other = await take(scene.journal, scene.shard_map, 1)
    rivals = [scene.journal, await scene.ledger.journal()]
    for _ in range(50):
        heads = [await scene.journal.head(shard) for shard in (0, 1)]
        batches = [after(heads[0], b"a"), after(heads[1], b"a")], [after(heads[1], b"b"), after(heads[0], b"b")]
        results = await asyncio.gather(
            *(journal.append(batch) for journal, batch in zip(rivals, batches, strict=True)), return_exceptions=True
        )
        assert [type(result) for result in results if result] == [Fenced]
    assert (await scene.journal.head(1)).sequence == other.sequence + 50


async def test_an_append_finds_its_predecessors_in_the_index(scene: Scene) -> None:
    await write(scene.journal, await scene.journal.head(0), 500)
    arguments = append_arguments([after(await scene.journal.head(0))])
    for statistics in (False, True):
        if statistics:
            await scene.session.execute("ANALYZE payments.journal_records")
        async with scene.session.transaction():
            await scene.session.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            plan = "\n".join(row[0] for row in await scene.session.fetch(f"EXPLAIN {APPEND}", *arguments))
        assert "Index Scan using journal_records_pkey" in plan
        assert "Seq Scan on journal_records" not in plan
