"""A bridge over PostgreSQL, with a sink that fails in every way: whatever happens, events may come again, but none is left out."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from processor.bridges.cursors import Replaced
from processor.bridges.sink import SinkUnavailable, Terms
from processor.bridges.tail import Untranslatable
from processor.eventlog.event import PublishedEvent
from processor.eventlog.translator import Translator
from tests.contract.bridging import Scene, ScriptedSink, make_scene, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(database_url: str, anyio_backend: str) -> AsyncIterator[Scene]:
    scene = await make_scene(database_url)
    yield scene
    await scene.close()


def in_order(names: Sequence[str], shard: int) -> list[str]:
    """Return the shard's names in their first order, without repeats."""
    return list(dict.fromkeys(name for name in names if name.startswith(f"{shard}:")))


async def test_everything_arrives_once_and_in_order(scene: Scene) -> None:
    await scene.write(0, 2, 0, 3)
    await scene.write(1, 1, 4)
    sink = ScriptedSink()
    async with scene.running(sink) as (term, task):
        await scene.until_level(task)
        await scene.write(0, 1)
        await scene.write(1, 2)
        await scene.until_level(task)
    assert sorted(sink.arrived) == sorted(scene.names)
    assert all(in_order(sink.arrived, shard) == in_order(scene.names, shard) for shard in (0, 1))
    assert (term.state, term.problem, term.counts.published) == ("running", None, len(scene.names))


async def test_batches_hold_whole_records_and_no_more_events_than_the_sink_likes(scene: Scene) -> None:
    await scene.write(0, 4, 4, 4, 50, 1)
    sink = ScriptedSink(Terms(batch_events_max=9))
    async with scene.running(sink) as (_, task):
        await scene.until_level(task)
    assert sink.batches == [8, 4, 50, 1]
    assert sink.arrived == scene.names


async def test_a_sink_that_gathers_gets_fewer_batches(scene: Scene) -> None:
    sink = ScriptedSink(Terms(gather_seconds=600.0, batch_events_max=6))
    async with scene.running(sink) as (_, task):
        for _ in range(4):
            await scene.write(0, 2)
            await asyncio.sleep(0.1)
        await until(lambda: _equals(scene.positions, {0: 4, 1: 1}), task)
    assert sink.batches == [6]


async def test_a_new_bridge_begins_at_the_end_if_its_sink_says_so(scene: Scene) -> None:
    await scene.write(0, 2, 2)
    sink = ScriptedSink(Terms(starts_at="end"))
    async with scene.running(sink) as (term, task):
        await until(lambda: _is(term.state == "running"), task)
        await scene.write(0, 1)
        await scene.until_level(task)
    assert sink.arrived == scene.names[-1:]


async def test_throttling_and_half_failures_repeat_events_but_lose_none(scene: Scene) -> None:
    await scene.write(0, 5, 5)
    sink = ScriptedSink()
    sink.failures = [SinkUnavailable("throttled") for _ in range(7)]
    async with scene.running(sink) as (term, task):
        await scene.until_level(task)
    assert in_order(sink.arrived, 0) == scene.names
    assert len(sink.arrived) > len(scene.names)
    assert (term.counts.retries, sink.opened, term.problem) == (7, 8, None)
    assert await scene.dead_letters() == {}


async def test_a_target_that_comes_up_late_is_running_before_there_is_anything_for_it(scene: Scene) -> None:
    sink = ScriptedSink()
    sink.closed_doors = 3
    async with scene.running(sink) as (term, task):
        await until(lambda: _is(term.counts.retries == 3 and term.state == "running"), task)
    assert (term.problem, sink.opened) == (None, 4)


async def test_an_event_of_a_newer_program_is_named_and_never_skipped(scene: Scene) -> None:
    await scene.write(0, 1)
    bridge = scene.bridge(ScriptedSink(), Translator(scene.journal))
    with pytest.raises(Untranslatable, match="shard 0, sequence 2: the record holds an event that this version"):
        await bridge.run(await scene.term())
    assert await scene.positions() == {}


async def test_what_the_sink_rejects_becomes_a_dead_letter(scene: Scene) -> None:
    await scene.write(0, 3)
    sink = ScriptedSink()
    sink.refused, sink.reason = {"0:2:1"}, "it \0is too \ud800large"
    async with scene.running(sink) as (term, task):
        await scene.until_level(task)
    assert sink.arrived == ["0:2:0", "0:2:2"]
    assert await scene.dead_letters() == {"0:2:1": "it is too ?large"}
    assert (term.counts.published, term.counts.rejected) == (2, 1)


async def test_events_that_make_the_sink_fail_are_isolated(scene: Scene) -> None:
    await scene.write(0, 20, 1)
    await scene.write(1, 300)
    sink = ScriptedSink()
    sink.poison = {"0:2:7", "0:3:0", "1:2:299"}
    async with scene.running(sink) as (term, task):
        await scene.until_level(task)
    assert set(sink.arrived) == set(scene.names) - sink.poison
    assert await scene.dead_letters() == dict.fromkeys(sink.poison, "publishing it fails: ZeroDivisionError: a mistake")
    assert term.counts.rejected == 3


async def test_rows_that_the_database_refuses_isolate_their_event_too(scene: Scene) -> None:
    await scene.link.execute("CREATE TABLE deliveries (name text PRIMARY KEY CHECK (name <> '0:2:4'))")
    await scene.write(0, 9)

    async def save(connection: asyncpg.Connection, events: Sequence[PublishedEvent]) -> None:
        await connection.executemany("INSERT INTO deliveries VALUES ($1)", [(event.name,) for event in events])

    sink = ScriptedSink()
    sink.save = save
    async with scene.running(sink) as (_, task):
        await scene.until_level(task)
    saved = [row["name"] for row in await scene.link.fetch("SELECT name FROM deliveries ORDER BY name")]
    assert saved == [name for name in scene.names if name != "0:2:4"]
    assert list(await scene.dead_letters()) == ["0:2:4"]


async def test_what_follows_from_saved_rows_is_tried_until_it_works_and_the_batch_does_not_come_again(scene: Scene) -> None:
    await scene.write(0, 3)
    sink = ScriptedSink()
    failures = [SinkUnavailable("throttled"), ZeroDivisionError("a mistake")]
    calls: list[dict[int, int]] = []

    async def saved() -> None:
        calls.append(await scene.positions())
        if failures:
            raise failures.pop()

    sink.saved = saved
    async with scene.running(sink) as (term, task):
        await until(lambda: _is(len(calls) == 3 and term.state == "running"), task)
    assert calls == [{0: 2, 1: 1}] * 3, "the cursor had moved before"
    assert (sink.batches, sink.opened, term.counts.published) == ([3], 3, 3)


async def test_a_sink_that_fails_on_everything_gives_up_nothing(scene: Scene) -> None:
    await scene.write(0, 3)
    sink = ScriptedSink()
    sink.poison = {"0:2:0", "0:2:1", "0:2:2", "0:3:0", "0:3:1"}
    async with scene.running(sink) as (term, task):
        await until(lambda: _is(term.problem is not None and term.problem.startswith("none of 3 events")), task)
        await scene.write(0, 2)
        await until(lambda: _is(term.problem is not None and term.problem.startswith("none of 5 events")), task)
        assert await scene.positions() == {}
        sink.poison.clear()
        await scene.until_level(task)
    assert sink.arrived == scene.names
    assert await scene.dead_letters() == {}


async def test_a_lone_event_that_makes_the_sink_fail_is_given_up_when_the_next_one_works(scene: Scene) -> None:
    await scene.write(0, 1)
    sink = ScriptedSink()
    sink.poison = {"0:2:0"}
    async with scene.running(sink) as (term, task):
        await until(lambda: _is(term.problem is not None and term.problem.startswith("none of 1 events")), task)
        await scene.write(0, 1)
        await scene.until_level(task)
    assert sink.arrived == ["0:3:0"]
    assert list(await scene.dead_letters()) == ["0:2:0"]


async def test_a_crash_between_publishing_and_advancing_repeats_events_but_skips_none(scene: Scene) -> None:
    await scene.write(0, 2, 2)
    published = asyncio.Event()

    async def crash() -> None:
        published.set()
        await asyncio.Event().wait()

    sink = ScriptedSink()
    sink.before_returning = crash
    async with scene.running(sink):
        await published.wait()
    assert (sink.arrived, await scene.positions()) == (scene.names, {})
    sink.before_returning = None
    async with scene.running(sink) as (_, task):
        await scene.until_level(task)
    assert sink.arrived == scene.names + scene.names


async def test_of_two_copies_the_old_one_changes_nothing_and_stops(scene: Scene) -> None:
    await scene.write(0, 2)
    may_go_on, has_published = asyncio.Event(), asyncio.Event()

    async def linger() -> None:
        has_published.set()
        await may_go_on.wait()

    old, new = ScriptedSink(), ScriptedSink()
    old.before_returning = linger
    old.refused = {"0:2:1"}
    async with scene.running(old) as (_, old_task):
        await has_published.wait()
        async with scene.running(new) as (_, new_task):
            await scene.until_level(new_task)
            may_go_on.set()
            with pytest.raises(Replaced):
                await old_task
            await scene.write(0, 1)
            await scene.until_level(new_task)
    assert new.arrived == scene.names
    assert await scene.dead_letters() == {}


async def test_dead_letters_are_published_again_when_asked_to(scene: Scene) -> None:
    await scene.write(0, 3)
    sink = ScriptedSink()
    sink.refused = {"0:2:0", "0:2:2"}
    async with scene.running(sink) as (term, task):
        await scene.until_level(task)
        sink.refused = {"0:2:2"}
        sink.failures = [SinkUnavailable("throttled")]
        await scene.link.execute("UPDATE payments.bridge_dead_letters SET redrive_at = now()")
        term.has_redrives = True
        await until(lambda: _is(term.counts.retries == 1), task)
        term.has_redrives = True
        await until(lambda: _equals(scene.to_redrive, 0), task)
    assert sink.arrived == ["0:2:1", "0:2:0"]
    assert await scene.dead_letters() == {"0:2:2": "it is too large"}


async def _is(truth: bool) -> bool:
    return truth


async def _equals(read: object, expected: object) -> bool:
    return bool(await read() == expected)  # type: ignore[operator]
