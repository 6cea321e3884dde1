"""Reading the event log page by page."""

import msgspec
import pytest

from processor.core import events as e
from processor.eventlog import log as log_module
from processor.eventlog.catalogue import TYPES
from processor.eventlog.filters import BadFilter, EventFilter, types_of
from processor.eventlog.log import RESUME_MICROSECONDS, EventLog
from processor.eventlog.positions import BadCursor, Positions, parse_name
from processor.journal.memory import MemoryJournal
from tests.contract.story import SHARDS, Story
from tests.unit.eventlog.stories import published, told_story

pytestmark = pytest.mark.anyio

ALL = EventFilter()


async def pages(log: EventLog, after: Positions, wanted: EventFilter, limit: int) -> list[list[str]]:
    """Return the names of the events of all pages, going on from cursor to cursor."""
    found: list[list[str]] = []
    while True:
        page = await log.page(after, wanted, limit)
        found.append([msgspec.json.decode(event)["id"] for event in page.events])
        after = Positions.read(page.positions.cursor(), SHARDS)
        if not page.has_more:
            return found


async def told_log() -> tuple[EventLog, Story, list[str]]:
    story = await told_story()
    await story.add(0, *(e.StatusChanged("e", "frozen") for _ in range(9)))
    return EventLog(story.journal, SHARDS), story, [event.name for event in await published(story)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_of_any_size_give_every_event_once_in_order(limit: int) -> None:
    log, _, names = await told_log()
    found = await pages(log, Positions.beginning(SHARDS), ALL, limit)
    assert [name for page in found for name in page] == names
    assert all(len(page) <= limit for page in found)


async def test_pages_end_where_they_have_grown_large(monkeypatch: pytest.MonkeyPatch) -> None:
    log, _, names = await told_log()
    monkeypatch.setattr(log_module, "PAGE_BYTES_MAX", 1)
    found = await pages(log, Positions.beginning(SHARDS), ALL, 100)
    assert [name for page in found for name in page] == names
    assert {len(page) for page in found[:-1]} == {1}


async def test_a_page_looks_at_so_much_of_the_journal_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    log, _, _ = await told_log()
    monkeypatch.setattr(log_module, "SLICE_BYTES", 1)
    monkeypatch.setattr(log_module, "SCAN_BYTES_MAX", 1)
    closed = EventFilter(frozenset(("account.closed",)))
    first = await log.page(Positions.beginning(SHARDS), closed, 25)
    assert (first.events, first.has_more) == ([], True)
    found = await pages(log, Positions.beginning(SHARDS), closed, 25)
    assert sum(map(len, found)) == 1
    assert len(found) > 20


async def test_who_is_at_the_end_goes_on_from_there() -> None:
    log, story, _ = await told_log()
    after = (await log.page(await log.latest(), ALL, 10)).positions
    await story.add(1, e.AccountOpened("new", "EUR", 0, None, None))
    assert await pages(log, after, ALL, 10) == [[f"1:{len(story.records[1])}:0"]]


async def test_events_of_an_account_are_those_that_tell_its_balances_or_status() -> None:
    log, story, _ = await told_log()
    for account in "abcdef":
        expected = [event.name for event in await published(story) if account in event.accounts]
        wanted = EventFilter(account=account, shard=0 if account in "abef" else 1)
        assert [name for page in await pages(log, Positions.beginning(SHARDS), wanted, 5) for name in page] == expected
        assert expected


async def test_a_cursor_of_one_accounts_events_skips_no_other_events() -> None:
    log, _, names = await told_log()
    page = await log.page(Positions.beginning(SHARDS), EventFilter(account="c", shard=1), 100)
    rest = {name for page in await pages(log, page.positions, ALL, 100) for name in page}
    assert rest == {name for name in names if name.startswith("0:")}


async def test_types_may_be_named_whole_or_by_their_beginning() -> None:
    assert types_of("payment.held") == {"payment.held"}
    assert types_of("account.*,balances.changed") == {kind for kind in TYPES if not kind.startswith("payment.")}
    assert types_of("*") == TYPES.keys()
    for text in ("payment.dreamt", "", "payment.held,", "x*", ",".join(["payment.held"] * 33)):
        with pytest.raises(BadFilter):
            types_of(text)


async def test_behind_an_events_name_its_shard_goes_on_exactly() -> None:
    log, _, names = await told_log()
    for name in names[::5]:
        shard, sequence, index = parse_name(name) or (0, 0, 0)
        rest = [found for page in await pages(log, await log.behind((shard, sequence, index)), ALL, 100) for found in page]
        on_shard = [each for each in names if each.startswith(f"{shard}:")]
        assert [each for each in rest if each.startswith(f"{shard}:")] == on_shard[on_shard.index(name) + 1 :]
        assert set(names[names.index(name) + 1 :]) <= set(rest), "nothing that comes later is skipped"


async def test_behind_an_events_name_other_shards_go_on_a_minute_before_it() -> None:
    journal = MemoryJournal(SHARDS)
    story = Story(journal, journal)
    await story.open()
    for number in range(40):  # A record on each shard every seven seconds, by turns.
        story._at += RESUME_MICROSECONDS // 17
        await story.add(number % 2, e.AccountOpened(f"account-{number}", "EUR", 0, None, None))
    log = EventLog(journal, SHARDS)
    for record in story.records[0][-15:]:
        read = (await log.behind((0, record.sequence, 0))).whole[1]
        assert story.records[1][read].at >= record.at - RESUME_MICROSECONDS
        assert not read or story.records[1][read - 1].at < record.at - RESUME_MICROSECONDS


async def test_a_name_or_cursor_that_the_journal_does_not_have_is_refused() -> None:
    log, story, _ = await told_log()
    newest = len(story.records[0])
    for place in ((SHARDS, 1, 0), (0, newest + 1, 0), (0, newest, 99)):
        with pytest.raises(BadCursor, match="no such event"):
            await log.behind(place)
    beyond = await log.latest()
    beyond.pass_record(1, beyond.whole[1] + 1)
    with pytest.raises(BadCursor, match="beyond the journal's end"):
        await log.page(beyond, ALL, 1)
