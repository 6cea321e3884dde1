"""What is read once for all streams, with a source that a test fills by hand."""

import asyncio
from collections.abc import Mapping

import pytest

from processor.bridges.tail import Batch
from processor.eventlog.log import EventLog
from processor.journal.interface import JournalCorrupt, JournalUnavailable
from processor.journal.memory import MemoryJournal
from serve.events import hub as hub_module
from serve.events.hub import Hub, TooLate
from tests.unit.actors.rounds import until
from tests.unit.eventlog.stories import published, told_story

pytestmark = pytest.mark.anyio


class ScriptedSource:
    """Gives what is put into `batches`; errors are raised."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[Batch | Exception] = asyncio.Queue()
        self.opened: list[Mapping[int, int]] = []
        self.closed = 0

    def open(self, after: Mapping[int, int]) -> "ScriptedSource":
        self.opened.append(after)
        return self

    async def next(self) -> Batch:
        batch = await self.batches.get()
        if isinstance(batch, Exception):
            raise batch
        return batch

    def close(self) -> None:
        self.closed += 1


def batch(sequence: int, record_bytes: int = 10) -> Batch:
    return Batch([], {0: sequence}, 1, record_bytes, 0)


@pytest.fixture
async def source(anyio_backend: str) -> ScriptedSource:
    return ScriptedSource()


@pytest.fixture
async def hub(source: ScriptedSource) -> Hub:
    return Hub(EventLog(MemoryJournal(1), 1), source.open)


async def test_it_begins_behind_the_newest_record_and_gives_each_batch_to_all(hub: Hub, source: ScriptedSource) -> None:
    story = await told_story()
    hub = Hub(EventLog(story.journal, 4), source.open)
    first, second = await hub.join(), await hub.join()
    assert source.opened == [{shard: len(story.records.get(shard, ())) for shard in range(4)}]
    assert hub.after(first) is None
    changed = hub.changed()
    events = await published(story)
    source.batches.put_nowait(Batch(events, {0: 99}, 1, 10, 0))
    await changed
    given = hub.after(first)
    assert given is not None
    assert given is hub.after(second)
    assert given.events == events
    assert given.body(0) is given.body(0), "it is encoded once"
    assert hub.after(given.number) is None


@pytest.mark.parametrize("bound", ["KEPT_BATCHES_MAX", "KEPT_BYTES_MAX"])
async def test_what_is_kept_has_a_bound_and_who_is_late_is_told(
    hub: Hub, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(hub_module, bound, 30 if bound == "KEPT_BYTES_MAX" else 3)
    number = await hub.join()
    for sequence in range(1, 6):
        source.batches.put_nowait(batch(sequence))
    await until(lambda: source.batches.empty() and hub._number == number + 5)
    with pytest.raises(TooLate):
        hub.after(number + 1)
    assert [hub.after(number + place).positions for place in (2, 3, 4)] == [{0: 3}, {0: 4}, {0: 5}]  # type: ignore[union-attr]
    source.batches.put_nowait(batch(6, record_bytes=1_000_000))
    await until(lambda: hub._number == number + 6)
    newest = hub.after(number + 5)
    assert newest is not None, "the newest is kept however large it is"


async def test_who_waited_when_all_had_left_is_too_late(hub: Hub, source: ScriptedSource) -> None:
    number = await hub.join()
    hub.leave()
    again = await hub.join()
    await until(lambda: source.closed == 1)
    assert len(source.opened) == 2
    with pytest.raises(TooLate):
        hub.after(number)
    assert hub.after(again) is None
    hub.leave()


async def test_a_journal_that_is_away_for_a_moment_is_asked_again(
    hub: Hub, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_PAUSE_SECONDS", 0)
    number = await hub.join()
    source.batches.put_nowait(JournalUnavailable("away"))
    source.batches.put_nowait(batch(1))
    await hub.changed()
    given = hub.after(number)
    assert given is not None and given.positions == {0: 1}
    hub.leave()


async def test_what_the_source_ends_with_reaches_all_and_the_next_one_begins_anew(hub: Hub, source: ScriptedSource) -> None:
    number = await hub.join()
    changed = hub.changed()
    source.batches.put_nowait(JournalCorrupt("record 7 does not fit"))
    await changed
    await until(lambda: hub._working is not None and hub._working.done())
    with pytest.raises(JournalCorrupt, match="record 7"):
        hub.after(number)
    again = await hub.join()
    assert hub.after(again) is None
    with pytest.raises(TooLate):
        hub.after(number)
