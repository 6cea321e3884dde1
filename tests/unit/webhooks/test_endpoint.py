"""Which events an endpoint is told, and under which id."""

import pytest
from msgspec.structs import replace

from processor.bridges.webhooks.bodies import Bodies, place_of
from processor.bridges.webhooks.endpoint import Endpoint, is_pattern, new_endpoint_id
from processor.bridges.webhooks.fan_out import rows_of
from processor.bridges.webhooks.message import message_id, parse_message_id
from processor.core.ids import Place
from processor.eventlog.catalogue import TYPES
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import AboutPayment
from processor.eventlog.translator import Translator
from processor.journal.interface import JournalUnavailable
from tests.unit.eventlog.stories import published, told_story

pytestmark = pytest.mark.anyio


def endpoint(*types: str, accounts: frozenset[str] | None = None, starts: tuple[int, ...] = (0, 0)) -> Endpoint:
    return Endpoint(
        number=1, id=new_endpoint_id(), url="https://a.example/", types=types, accounts=accounts, starts=starts, secrets=(b"x",)
    )


async def test_types_and_patterns_choose_events() -> None:
    events = await published(await told_story())
    assert {event.type for event in events} == TYPES.keys()

    def wanted(*types: str) -> set[str]:
        return {event.type for event in events if endpoint(*types).wants(event)}

    assert wanted() == wanted("*") == TYPES.keys()
    assert wanted("payment.*") == {name for name in TYPES if name.startswith("payment.")}
    assert wanted("payment.refunded", "account.*") == {
        "payment.refunded",
        *(name for name in TYPES if name.startswith("account.")),
    }
    assert wanted("payment.refund") == set(), "a type is not the beginning of another"


async def test_accounts_choose_events_that_tell_of_them_and_payments_with_a_leg_from_or_to_them() -> None:
    events = await published(await told_story())
    chosen = [event for event in events if endpoint(accounts=frozenset("c")).wants(event)]
    assert chosen
    for event in events:
        legs = event.data.payment.legs if isinstance(event.data, AboutPayment) else ()
        concerned = "c" in event.accounts or any("c" in (leg.from_account, leg.to_account) for leg in legs)
        assert (event in chosen) is concerned
    assert any("c" not in event.accounts for event in chosen), "a payment at home on another shard"


async def test_an_endpoint_is_told_what_was_recorded_after_it() -> None:
    events = await published(await told_story())
    middle = {shard: sorted(event.sequence for event in events if event.shard == shard)[3] for shard in (0, 1)}
    late = endpoint(starts=(middle[0], middle[1]))
    rows = rows_of([late, endpoint("nothing")], events)
    expected = [(event.shard, event.sequence, event.index) for event in events if event.sequence > middle[event.shard]]
    assert [(row.shard, row.sequence, row.index) for row in rows] == expected
    assert 0 < len(rows) < len(events)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("*", True), ("payment.*", True), ("payment.held", True), ("account.*", True), ("balances.changed", True), ("payment", False),
        ("payment.", False), ("payments.*", False), ("*.held", False), ("payment.h*", False), ("", False), ("PAYMENT.*", False),
        ("payment.*\n", False), ("payment.**", False),
    ],
)  # fmt: skip
def test_a_pattern_is_one_only_if_there_are_such_events(text: str, is_one: bool) -> None:
    assert is_pattern(text, list(TYPES)) is is_one


def test_the_id_of_a_message_names_endpoint_and_place_and_nothing_else_is_one() -> None:
    here, there = new_endpoint_id(), new_endpoint_id()
    place = Place(1_700_000_000_000_000, 1023, 2**40 - 1, 9_999)
    identity = message_id(here, place)
    assert parse_message_id(here, identity) == place
    assert message_id(there, place) != identity
    for other in (message_id(there, place), identity[:-1], identity + "0", identity.upper(), identity + "\n", "", "msg_"):
        assert parse_message_id(here, other) is None


async def test_bodies_come_from_the_journal_or_from_what_was_kept_and_are_the_same() -> None:
    story = await told_story()
    events = await published(story)
    expected = {place_of(event): encode_event(event) for event in events}
    translator = Translator(story.journal)
    reading = Bodies(story.journal, translator)
    assert await reading.read(list(expected)) == expected
    some = list(expected)[5:50:11]
    assert await reading.read(some) == {place: expected[place] for place in some}
    nowhere = replace(events[0], index=9_999)
    assert await reading.read([place_of(nowhere)]) == {}

    keeping = Bodies(story.journal, translator, kept_bytes_max=3_000)
    keeping.keep(events)
    keeping.keep(events[-2:])
    assert await keeping.read(list(expected)) == expected

    async def gone(*_: object) -> None:
        raise JournalUnavailable("nobody is there")

    kept = [place_of(event) for event in events[-2:]]
    story.journal.read = gone  # type: ignore[assignment, method-assign]
    assert await keeping.read(kept) == {place: expected[place] for place in kept}
