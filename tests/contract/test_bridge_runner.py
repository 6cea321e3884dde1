"""What runs a bridge: it writes down how the bridge is doing, begins again what has failed, and stops for a newer copy."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

import asyncpg
import pytest

from processor.bridges.cursors import take_over
from processor.bridges.runner import run_work
from processor.bridges.work import Term
from processor.journal.interface import JournalCorrupt, JournalUnavailable
from processor.journal.postgres import create_ledger
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link

pytestmark = pytest.mark.anyio

Script = Callable[[Term], Awaitable[None]]


class ScriptedWork:
    """Does one thing after another, each until it ends."""

    name = "scripted"

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)

    async def run(self, term: Term) -> None:
        await self._scripts.pop(0)(term)


@pytest.fixture
async def link(database_url: str, anyio_backend: str) -> AsyncIterator[Link]:
    await create_ledger(database_url, 2)
    link = Link(database_url, DEFAULT_TIMEOUTS)
    yield link
    await link.close()


def run(link: Link, work: ScriptedWork) -> Coroutine[None, None, None]:
    """Run the work under its name."""
    return run_work(work.name, lambda: work, link)


async def status(link: Link) -> asyncpg.Record:
    [row] = await link.fetch(
        "SELECT epoch, state, problem, published, retries, figures FROM payments.bridges WHERE bridge = 'scripted'"
    )
    return row


async def until_state(link: Link, state: str, running: asyncio.Task[None]) -> asyncpg.Record:
    """Return the row as soon as it has this state."""
    while True:
        rows = await link.fetch(
            "SELECT epoch, state, problem, published, retries, figures FROM payments.bridges WHERE state = $1", state
        )
        if rows:
            return rows[0]
        assert not running.done()
        await asyncio.sleep(0.01)


async def go_on(term: Term) -> None:
    term.report("running")
    term.count(published=3, figures={"paid": 2, f"copy {term.epoch}": 1})
    await asyncio.Event().wait()


async def fail(term: Term) -> None:
    raise ZeroDivisionError("a mistake")


async def lose_the_journal(term: Term) -> None:
    raise JournalUnavailable("the database is gone")


async def find_damage(term: Term) -> None:
    raise JournalCorrupt("shard 0, sequence 3: it is damaged")


async def test_what_has_failed_begins_again_until_a_newer_copy_takes_over(link: Link) -> None:
    running = asyncio.create_task(run(link, ScriptedWork(fail, lose_the_journal, go_on)))
    row = await until_state(link, "running", running)
    assert (row["epoch"], row["problem"], row["published"], row["retries"]) == (1, None, 3, 2)
    assert await take_over(link, "scripted") == 2
    await running  # It ends by itself.
    assert (await status(link))["state"] == "starting"  # and has written nothing more.


async def test_counts_go_on_from_those_of_earlier_copies(link: Link) -> None:
    for published in (3, 6):
        running = asyncio.create_task(run(link, ScriptedWork(go_on)))
        row = await until_state(link, "running", running)
        assert row["published"] == published
        await take_over(link, "scripted")
        await running
    assert json.loads(row["figures"]) == {"paid": 4, "copy 1": 1, "copy 3": 1}


async def test_a_damaged_journal_is_not_tried_again_until_somebody_restarts_the_bridge(link: Link) -> None:
    running = asyncio.create_task(run(link, ScriptedWork(find_damage)))
    row = await until_state(link, "broken", running)
    assert row["problem"].startswith("shard 0, sequence 3: it is damaged; ")
    await take_over(link, "scripted")
    await running
