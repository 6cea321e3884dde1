"""The read model of a journal that is not in its database: the same rows, and what knows how far they are."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from processor.audit.store import AuditRow, PostgresAuditStore
from processor.core import events as e
from processor.journal.dynamodb.mirror import DynamoDbMirror
from processor.journal.interface import Journal
from processor.journal.mirrored import MirroredJournal
from processor.journal.postgres.link import DEFAULT_TIMEOUTS
from processor.journal.postgres.readers import Readers
from processor.projections.lag import read_lag
from processor.projections.projector import Projector
from processor.projections.schema import prepare_projections, rebuild_projections
from processor.projections.upkeep import keep_projections
from tests.aws import EmulatedAws
from tests.contract.mirrored_ledger import MirroredLedger
from tests.contract.projected import Projected, Table, catch_up
from tests.contract.story import FINGERPRINT, key
from tests.contract.writing import after

pytestmark = pytest.mark.anyio

ONE_RECORD_EACH = 1


class Scene:
    """A story in both stores, and the rows that were made of it from PostgreSQL's journal."""

    def __init__(self, told: Projected, journal: MirroredJournal, rows: dict[str, Table]) -> None:
        self.told = told
        self.journal = journal
        self.rows = rows

    @property
    def mirror(self) -> DynamoDbMirror:
        """The journal that is left when PostgreSQL's is gone."""
        return self.journal.mirror

    async def lose_postgres(self) -> None:
        """Leave nothing in the database but empty tables: whoever still reads there finds nothing."""
        await self.told.session.execute("TRUNCATE payments.journal_records; DROP SCHEMA projections CASCADE")
        assert await prepare_projections(self.told.dsn)


@pytest.fixture
async def scene(database_url: str, aws: EmulatedAws, anyio_backend: str) -> AsyncIterator[Scene]:
    ledger = MirroredLedger(aws.settings(database_url=database_url))
    told = await Projected.tell(ledger, database_url)
    assert await prepare_projections(database_url)
    await catch_up(database_url)
    journal = told.story.journal
    assert isinstance(journal, MirroredJournal)
    yield Scene(told, journal, await told.everything())
    await told.session.close()
    await ledger.close()


@pytest.mark.parametrize("batch_bytes", [ONE_RECORD_EACH, 1_000_000])
async def test_the_rows_are_those_that_the_journal_in_the_database_makes(scene: Scene, batch_bytes: int) -> None:
    await scene.lose_postgres()
    await catch_up(scene.told.dsn, batch_bytes, scene.mirror)
    assert await scene.told.everything() == scene.rows


async def test_a_rebuild_reads_the_journal_elsewhere(scene: Scene) -> None:
    await scene.lose_postgres()
    shown: list[tuple[int, int]] = []
    await rebuild_projections(scene.told.dsn, lambda read, records: shown.append((read, records)), scene.mirror)
    assert shown[-1][0] == shown[-1][1] == sum(len(records) for records in scene.told.story.records.values())
    assert await scene.told.everything() == scene.rows


async def test_upkeep_follows_the_journal_elsewhere(scene: Scene) -> None:
    await scene.told.session.execute("UPDATE projections.projection SET version = 'another'")
    upkeep = asyncio.create_task(keep_projections(scene.told.dsn, 1.0, scene.journal))
    await scene.told.story.add(0, e.Refused(key("new"), FINGERPRINT, 7, 0))
    await _until_nothing_is_behind(scene.told.dsn, scene.journal)
    upkeep.cancel()
    await asyncio.wait([upkeep])
    assert key("new") in {row[0] for row in await scene.told.rows("outcomes")}


async def test_a_position_is_on_the_disk_before_anybody_reads_it_unless_the_journal_shares_the_disk(scene: Scene) -> None:
    for journal, expected in ((None, "off"), (scene.mirror, "on")):
        projector = Projector(scene.told.dsn, journal=journal)
        await projector.step()
        assert projector._connection is not None
        assert await projector._connection.fetchval("SHOW synchronous_commit") == expected
        await projector.close()


async def test_lag_and_audits_are_told_behind_the_journal_elsewhere(scene: Scene) -> None:
    heads = {shard: len(records) for shard, records in scene.told.story.records.items()}
    readers = await Readers.create(scene.told.dsn, DEFAULT_TIMEOUTS)
    assert await read_lag(readers, scene.mirror) == await read_lag(readers)
    await scene.lose_postgres()
    behind = await read_lag(readers, scene.mirror)
    assert [(lag.position, lag.head, lag.seconds > 0) for lag in behind] == [
        (0, heads[0], True), (0, heads[1], True), (0, 0, False), (0, 0, False),
    ]  # fmt: skip
    audits = PostgresAuditStore(readers)
    await audits.save([AuditRow(0, sequence=heads[0] - 3)])
    assert [(audit.head, audit.lag_records) for audit in await audits.status(scene.mirror)] == [
        (heads[0], 3), (heads[1], heads[1]), (0, 0), (0, 0),
    ]  # fmt: skip
    assert await audits.save([AuditRow(0, divergence="found", sequence=1), AuditRow(1, sequence=1)], [0]) == set()
    await scene.told.session.execute("DELETE FROM payments.audits WHERE shard = 0")
    assert await audits.save([AuditRow(0, divergence="found", sequence=1), AuditRow(1, sequence=1)], [0]) == {0}
    assert [audit.row.divergence for audit in await audits.status(scene.mirror)] == [None] * 4
    ages = [audit.lag_seconds for audit in await audits.status(scene.mirror)]
    assert [age > 0 for age in ages] == [True, True, False, False]
    await readers.close()


async def test_a_record_that_only_one_store_has_is_not_projected_yet_and_nothing_is_behind(scene: Scene) -> None:
    await scene.journal.primary.append([after(await scene.journal.head(0))])
    readers = await Readers.create(scene.told.dsn, DEFAULT_TIMEOUTS)
    projector = Projector(scene.told.dsn, journal=scene.journal)
    assert [lag.records for lag in await read_lag(readers, scene.journal)] == [0, 0, 0, 0]
    assert await projector.step() == 0
    await projector.close()
    await readers.close()


async def _until_nothing_is_behind(dsn: str, journal: Journal) -> None:
    readers = await Readers.create(dsn, DEFAULT_TIMEOUTS)
    while any(lag.records for lag in await read_lag(readers, journal)):
        await asyncio.sleep(0.02)
    await readers.close()
