"""A bridge's cursor in PostgreSQL: what moves with it moves in one piece, and never by the hand of an old copy."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from processor.bridges.control import BadPosition, NoSuchBridge, restart, rewind
from processor.bridges.cursors import Cursors, NotSaved, Replaced, take_over
from processor.bridges.dead_letters import Redrives, count_redrives, list_dead_letters, redrive_dead_letters
from processor.bridges.sink import Rejection
from processor.bridges.status import BridgeShard, read_statuses
from processor.journal.postgres import create_ledger
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from tests.contract.bridging import NAME, event_at, make_scene
from tests.contract.postgres_sessions import until_somebody_waits_for_a_lock

pytestmark = pytest.mark.anyio

BEGINNINGS = {0: 0, 1: 0}


@pytest.fixture
async def link(database_url: str, anyio_backend: str) -> AsyncIterator[Link]:
    await create_ledger(database_url, 2)
    link = Link(database_url, DEFAULT_TIMEOUTS)
    yield link
    await link.close()


@pytest.fixture
async def cursors(link: Link) -> Cursors:
    return await newest_copy(link)


async def newest_copy(link: Link) -> Cursors:
    """Take the bridge over."""
    cursors = Cursors(link, NAME, await take_over(link, NAME))
    await cursors.read(BEGINNINGS)
    return cursors


async def letters(link: Link) -> list[str]:
    return [letter.name for letter in await list_dead_letters(link.fetch, 100)]


def refused(shard: int, sequence: int, index: int = 0) -> Rejection:
    return Rejection(event_at(shard, sequence, index), "it is too large")


async def test_positions_are_kept_and_begin_where_they_are_told_to(link: Link, cursors: Cursors) -> None:
    await cursors.advance({0: 7})
    await cursors.advance({0: 9, 1: 2})
    again = Cursors(link, NAME, await take_over(link, NAME))
    assert await again.read({0: 1, 1: 1, 2: 5}) == {0: 9, 1: 2, 2: 5}
    assert await Cursors(link, "another", await take_over(link, "another")).read(BEGINNINGS) == BEGINNINGS


async def test_an_old_copy_moves_nothing_even_from_the_right_position(link: Link, cursors: Cursors) -> None:
    new = await newest_copy(link)
    with pytest.raises(Replaced):
        await cursors.advance({0: 5}, [refused(0, 3)])
    assert (await new.read(BEGINNINGS), await letters(link)) == (BEGINNINGS, [])
    await new.advance({0: 5})


async def test_a_position_that_somebody_else_has_moved_is_not_moved(link: Link, cursors: Cursors) -> None:
    await link.execute("UPDATE payments.bridge_cursors SET sequence = 4 WHERE shard = 1")
    with pytest.raises(Replaced):
        await cursors.advance({0: 5, 1: 5}, [refused(0, 3)])
    assert (await cursors.read(BEGINNINGS), await letters(link)) == ({0: 0, 1: 4}, [])


async def test_a_copy_that_takes_over_waits_for_an_advance_in_flight_and_goes_on_after_it(
    database_url: str, link: Link, cursors: Cursors
) -> None:
    is_saving, may_commit = asyncio.Event(), asyncio.Event()

    async def linger(_: asyncpg.Connection) -> None:
        is_saving.set()
        await may_commit.wait()

    other, session = Link(database_url, DEFAULT_TIMEOUTS), await asyncpg.connect(database_url)
    advancing = asyncio.create_task(cursors.advance({0: 5}, saves=[linger]))
    await is_saving.wait()
    taking = asyncio.create_task(newest_copy(other))
    await until_somebody_waits_for_a_lock(session)
    may_commit.set()
    await advancing
    assert (await taking).positions == {0: 5, 1: 0}
    with pytest.raises(Replaced):
        await cursors.advance({0: 6})
    session.terminate()
    await other.close()


async def test_an_advance_that_waits_for_a_take_over_finds_itself_replaced(
    database_url: str, link: Link, cursors: Cursors
) -> None:
    session = await asyncpg.connect(database_url)
    watching = await asyncpg.connect(database_url)
    transaction = session.transaction()
    await transaction.start()
    await session.execute("UPDATE payments.bridges SET epoch = epoch + 1")
    advancing = asyncio.create_task(cursors.advance({0: 5}))
    await until_somebody_waits_for_a_lock(watching)
    await transaction.commit()
    with pytest.raises(Replaced):
        await advancing
    assert await cursors.read(BEGINNINGS) == BEGINNINGS
    for connection in (session, watching):
        connection.terminate()


async def test_dead_letters_and_the_sinks_rows_come_with_the_position_or_not_at_all(link: Link, cursors: Cursors) -> None:
    await link.execute("CREATE TABLE manifest (name text PRIMARY KEY)")

    async def save(connection: asyncpg.Connection) -> None:
        await connection.execute("INSERT INTO manifest VALUES ('file')")

    await cursors.advance({0: 5}, [refused(0, 3)], [save])
    with pytest.raises(NotSaved):
        await cursors.advance({0: 6}, [refused(0, 6)], [save])
    assert await cursors.read(BEGINNINGS) == {0: 5, 1: 0}
    assert await letters(link) == ["0:3:0"]
    assert len(await link.fetch("SELECT FROM manifest")) == 1


async def test_dead_letters_are_listed_page_by_page_and_chosen_for_another_try(link: Link, cursors: Cursors) -> None:
    await cursors.advance({0: 5, 1: 5}, [refused(1, 2), refused(0, 4, 1), refused(0, 4, 0), refused(0, 3)])
    page = await list_dead_letters(link.fetch, 2, NAME)
    rest = await list_dead_letters(link.fetch, 9, after=(NAME, (page[-1].shard, page[-1].sequence, page[-1].index)))
    assert [letter.name for letter in page + rest] == ["0:3:0", "0:4:0", "0:4:1", "1:2:0"]
    assert (page[0].bridge, page[0].type, page[0].reason, page[0].is_to_redrive) == (
        NAME, "account.opened", "it is too large", False,
    )  # fmt: skip
    assert await redrive_dead_letters(link.fetch, NAME, [(0, 4, 1), (7, 7, 7)]) == 1
    assert await redrive_dead_letters(link.fetch, NAME, []) == 0
    assert await cursors.to_redrive(9) == [(0, 4, 1)]
    assert await redrive_dead_letters(link.fetch, "another") == 0
    assert await redrive_dead_letters(link.fetch, NAME) == 4
    assert await count_redrives(link.fetch, NAME) == Redrives(4, 4)
    await cursors.settle(event_at(0, 3), [])
    await cursors.settle(event_at(0, 4), [refused(0, 4)])
    assert await count_redrives(link.fetch, NAME) == Redrives(2, 3)


async def test_a_bridge_is_put_back_but_never_forward(link: Link, cursors: Cursors) -> None:
    await cursors.advance({0: 5, 1: 9}, [refused(0, 2), refused(0, 4), refused(1, 8)])
    for shard, sequence in ((0, 7), (0, 0), (2, 1)):
        with pytest.raises(BadPosition):
            await rewind(link, NAME, {shard: sequence})
    with pytest.raises(NoSuchBridge):
        await rewind(link, "another", None)
    await cursors.advance({1: 10})  # Nothing has changed until here.
    await rewind(link, NAME, {0: 4})
    with pytest.raises(Replaced):
        await cursors.advance({1: 11})
    assert (await cursors.read(BEGINNINGS), await letters(link)) == ({0: 3, 1: 10}, ["0:2:0", "1:8:0"])
    await restart(link, NAME)
    assert await cursors.read(BEGINNINGS) == {0: 3, 1: 10}
    await rewind(link, NAME, None)
    assert (await cursors.read(BEGINNINGS), await letters(link)) == (BEGINNINGS, [])


async def test_a_status_says_what_the_bridge_says_and_how_far_it_is_behind(database_url: str, anyio_backend: str) -> None:
    scene = await make_scene(database_url)
    await scene.write(0, 1, 1)
    cursors = await newest_copy(scene.link)
    await cursors.advance({0: 1, 1: 1}, [refused(0, 1)])
    await scene.link.execute("UPDATE payments.bridges SET state = 'waiting', problem = 'throttled', retries = 3")
    await take_over(scene.link, "instructions")
    await take_over(scene.link, "sns")
    await scene.link.execute("UPDATE payments.bridges SET updated_at = now() - interval '1 hour' WHERE bridge <> $1", NAME)
    by_name = {
        status.name: status for status in await read_statuses(scene.link.fetch, scene.journal, {NAME, "instructions", "kinesis"})
    }
    status = by_name[NAME]
    assert (status.state, status.problem, status.retries, status.dead_letters) == ("waiting", "throttled", 3, 1)
    assert status.shards == (BridgeShard(0, 1, 3), BridgeShard(1, 1, 1))
    assert status.lag_records == 2
    assert status.lag_seconds is not None and status.lag_seconds > 0
    assert {name: status.state for name, status in by_name.items()} == {
        NAME: "waiting", "instructions": "silent", "kinesis": "silent", "sns": "off",
    }  # fmt: skip
    assert (by_name["instructions"].lag_records, by_name["instructions"].lag_seconds) == (None, None)
    await scene.close()
