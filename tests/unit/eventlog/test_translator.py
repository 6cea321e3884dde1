"""What the journal's events say to outsiders."""

from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from processor.core import events as e
from processor.core.ids import PREFIX, payment_id
from processor.core.messages import Kind
from processor.eventlog import catalogue
from processor.eventlog.event import (
    AboutAccount,
    AboutBalances,
    AboutPayment,
    AboutRefusal,
    BalancesData,
    LegData,
    PublishedEvent,
)
from processor.eventlog.translator import Translator
from processor.journal.interface import JournalCorrupt
from tests.contract.story import EXPIRES_AT, FINGERPRINT, Story, key
from tests.unit.eventlog.stories import early_story, last_balances, last_payments, published, told_story

pytestmark = pytest.mark.anyio

INTERNAL = (e.Fence, e.Forgotten, e.PartRefused, e.Cleared, e.Recalled, e.Aged)


def about(events: list[PublishedEvent], story: Story, name: str) -> list[PublishedEvent]:
    """Return the events whose subject is this payment of the story."""
    place = story.places[name]
    identity = payment_id(place.at, place.shard, place.sequence, place.index)
    return [event for event in events if event.subject == identity]


def types(events: list[PublishedEvent]) -> list[str]:
    return [event.type for event in events]


STORIES = pytest.mark.parametrize("tell", [told_story, early_story])


@STORIES
async def test_every_event_but_the_internal_ones_is_published_under_its_place(tell: Callable[[], Awaitable[Story]]) -> None:
    story = await tell()
    events = await published(story)
    expected, silent = set(), set()
    for shard in (0, 1):
        for record in story.records[shard]:
            for index, event in enumerate(e.decode_events(record.payload)):
                name = f"{shard}:{record.sequence}:{index}"
                if not isinstance(event, INTERNAL):
                    expected.add(name)
                # It changes no balance here, or an early version did not record whose.
                if isinstance(event, e.PartDecided) and not event.entries and not event.balances:
                    silent.add(name)
    assert sorted(event.name for event in events) == sorted(expected - silent)
    assert silent
    assert catalogue.TYPES.keys() - {event.type for event in events} == (
        {"payment.refund_pending"} if tell is early_story else set()
    )


@STORIES
async def test_a_record_says_the_same_whatever_was_translated_before(tell: Callable[[], Awaitable[Story]]) -> None:
    story = await tell()
    events = await published(story)
    records = await story.journal.tail({0: 0, 1: 0}, 100_000_000)
    one_by_one = [event for record in records for event in await Translator(story.journal).translate([record])]
    backwards = Translator(story.journal)
    reversed_events = [event for record in reversed(records) for event in reversed(await backwards.translate([record]))]
    assert one_by_one == events
    assert reversed_events[::-1] == events


async def test_every_balance_ends_as_the_ledger_has_it() -> None:
    story = await told_story()
    told = last_balances(await published(story))
    accounts = {name: account for shard in (0, 1) for name, account in story.replayed(shard).accounts.items()}
    for name, account in accounts.items():
        assert told[name] == BalancesData(
            name, account.currency, account.posted, account.pending_in, account.pending_out, account.posted - account.pending_out
        )
    assert any(account.pending_out for account in accounts.values())


@STORIES
async def test_payments_and_posted_balances_end_as_the_ledger_has_them(tell: Callable[[], Awaitable[Story]]) -> None:
    story = await tell()
    events = await published(story)
    payments, balances = last_payments(events), last_balances(events)
    assert {name: balances[name].posted for name in story.posted} == story.posted
    shards = {shard: story.replayed(shard) for shard in (0, 1)}
    for payment in shards[0].payments.values():
        told = payments[payment_id(payment.at, 0, payment.sequence, payment.index)]
        assert (told.status, told.held, told.captured, told.refunded) == (
            payment.status, sum(payment.held), sum(payment.captured), sum(payment.refunded)
        )  # fmt: skip
        assert told.legs == tuple(LegData(*msgspec.to_builtins(leg)) for leg in payment.legs)
        assert (told.reference, told.metadata, told.created_at) == (payment.reference, payment.metadata or {}, payment.at)
        assert told.expires_at == payment.expires_at
    assert len(shards[0].payments) > 5


async def test_a_payment_on_one_shard_is_one_event_with_both_lines() -> None:
    story = await told_story()
    event = about(await published(story), story, "paid")[0]
    assert (event.type, event.shard, event.accounts) == ("payment.succeeded", 0, ("a", "b"))
    assert isinstance(event.data, AboutPayment)
    assert [(line.account, line.direction, line.amount, line.posted_after) for line in event.data.entries] == [
        ("a", "debit", 10, -10), ("b", "credit", 10, 10)
    ]  # fmt: skip
    assert (event.data.payment.reference, event.data.payment.metadata) == ("order 1", {"color": "red"})
    assert (event.data.payment.mode, event.data.payment.status, event.data.amounts) == ("immediate", "succeeded", (10,))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("paid out", ["payment.succeeded", "balances.changed"]),
        ("legs", ["payment.succeeded", "balances.changed"]),
        ("hold", ["payment.held", "payment.captured", "payment.captured", "payment.refunded", "payment.reversed"]),
        ("voided", ["payment.held", "balances.changed", "payment.voided", "balances.changed"]),
        ("expired", ["payment.held", "payment.expired"]),
        ("short", ["payment.pending", "balances.changed", "payment.succeeded"]),
        ("long", ["payment.pending", "balances.changed", "payment.succeeded", "balances.changed"]),
        ("no answer", ["payment.pending", "payment.cancelled"]),
        ("paid", ["payment.succeeded", "payment.refunded", "payment.refused"]),
    ],
)
async def test_the_life_of_a_payment_is_told_in_order(name: str, expected: list[str]) -> None:
    story = await told_story()
    assert types(about(await published(story), story, name)) == expected


async def test_a_hold_between_hosts_is_pending_until_it_is_held() -> None:
    story = await told_story()
    events = [event for event in about(await published(story), story, "far hold") if isinstance(event.data, AboutPayment)]
    told = [(event.type, event.data.operation, event.data.payment.status, event.data.amounts) for event in events]  # type: ignore[union-attr]
    assert told == [
        ("payment.pending", "hold", "pending", (8,)),
        ("payment.held", "hold", "held", (8,)),
        ("payment.captured", "capture", "succeeded", (8,)),
        ("payment.refunded", "refund", "partially_refunded", (3,)),
        ("payment.refund_pending", "reversal", "partially_refunded", (1,)),
        ("payment.reversed", "reversal", "partially_refunded", (1,)),
        ("payment.refund_pending", "reversal", "partially_refunded", (1,)),
        ("payment.refund_refused", "reversal", "partially_refunded", (1,)),
    ]
    payment = events[0].data.payment  # type: ignore[union-attr]
    assert (payment.mode, payment.held, payment.expires_at) == ("hold", 0, EXPIRES_AT)
    refused = events[-1].data
    assert isinstance(refused, AboutPayment)
    assert (refused.reason, refused.code, refused.payment.refunded) == ("mistake", "insufficient_funds", 4)


async def test_a_refund_that_an_early_version_reserved_tells_its_accounts_alone() -> None:
    story = await early_story()
    place = story.places["far refund"]
    event = next(event for event in await published(story) if (event.shard, event.sequence) == (0, place.sequence))
    assert isinstance(event.data, AboutBalances)
    assert (event.type, event.data.operation, event.accounts) == ("balances.changed", "refund", ("a",))


async def test_early_versions_did_not_record_pending_balances() -> None:
    story = await early_story()
    events = await published(story)
    held = about(events, story, "hold")[0]
    assert isinstance(held.data, AboutPayment)
    assert [(each.account, each.currency, each.posted, each.available) for each in held.data.balances] == [
        ("a", "EUR", None, None), ("b", "EUR", None, None)
    ]  # fmt: skip
    halves = [event.data for event in about(events, story, "voided") if isinstance(event.data, AboutBalances)]
    assert [half.balances[0].currency for half in halves] == ["EUR", "EUR"]


async def test_a_refusal_names_its_code_and_what_it_was_about() -> None:
    story = await told_story()
    place, paid = story.places["refusals"], story.places["paid"]
    own = [payment_id(place.at, 0, place.sequence, index) for index in range(3)]
    numbers = [f"req_{identity.removeprefix(PREFIX)}" for identity in own]
    refusals = [event for event in await published(story) if event.type == "payment.refused" and event.sequence == place.sequence]
    assert [event.data for event in refusals] == [
        AboutRefusal("hold", own[0], numbers[0], "insufficient_funds", 0, "to", None),
        AboutRefusal("void", payment_id(*paid), numbers[1], "payment_not_held", 0, "from", None),
        AboutRefusal("payment", own[2], numbers[2], "balance_condition_failed", None, None, 3),
    ]
    assert [event.subject for event in refusals] == [own[0], payment_id(*paid), own[2]]


async def test_early_versions_did_not_record_what_was_refused() -> None:
    refusals = [event for event in await published(await early_story()) if isinstance(event.data, AboutRefusal)]
    for event in refusals:
        assert isinstance(event.data, AboutRefusal)
        assert (event.data.operation, event.data.payment_id) == (None, None)
        assert event.subject == event.data.request_id


async def test_accounts_are_told_when_they_open_and_when_their_status_changes() -> None:
    story = await told_story()
    events = [event for event in await published(story) if isinstance(event.data, AboutAccount)]
    opened = next(event for event in events if event.subject == "e").data
    assert isinstance(opened, AboutAccount)
    assert (opened.account.currency, opened.account.min_balance, opened.account.max_balance) == ("USD", -100, 100)
    assert opened.balances[0].available == 0
    assert Counter(types(events)) == {"account.opened": 6, "account.frozen": 2, "account.unfrozen": 1, "account.closed": 1}


async def test_pending_balances_of_the_everyday_payment_are_told() -> None:
    story = await told_story()
    paid = e.Paid(key("now"), FINGERPRINT, "a", "b", 1, "EUR", 9, 0, 8, 0, None, None, (5, 6, 7, 8))
    at_rest = e.Paid(key("at rest"), FINGERPRINT, "a", "b", 1, "EUR", 8, 0, 9, 0, None, None, ())
    await story.write(0, paid, at_rest)
    first, second = await Translator(story.journal).translate(story.records[0][-1:])
    told = [[msgspec.structs.astuple(each)[2:] for each in event.data.balances] for event in (first, second)]  # type: ignore[union-attr]
    assert told == [[(9, 6, 5, 4), (8, 8, 7, 1)], [(8, 0, 0, 8), (9, 0, 0, 9)]]


async def test_a_record_about_a_payment_that_the_journal_does_not_have_is_corrupt() -> None:
    story = await told_story()
    place = story.places["refusals"]
    captured = e.Captured(
        place.at, place.sequence, 0, key("x"), FINGERPRINT, (1,), (1,), (0,), (1,), (0,), "succeeded", (), (), (), 0, ()
    )  # fmt: skip
    await story.write(0, captured)
    with pytest.raises(JournalCorrupt, match="has no payment or refund at 0"):
        await Translator(story.journal).translate(story.records[0][-1:])


async def test_older_payments_of_a_batch_are_read_together_and_once() -> None:
    story = await told_story()
    reads: list[tuple[int, int]] = []
    record = story.journal.record

    async def counted(shard: int, sequence: int) -> object:
        reads.append((shard, sequence))
        return await record(shard, sequence)

    story.journal.record = counted  # type: ignore[method-assign,assignment]
    later = [record for record in story.records[0] if record.sequence > story.places["hold"].sequence]
    translator = Translator(story.journal)
    await translator.translate(later)
    assert reads == [(0, story.places["hold"].sequence), (0, story.places["paid"].sequence)]
    await translator.translate(later)
    assert len(reads) == 2, "what was read once is remembered"


def test_kinds_have_words() -> None:
    from processor.eventlog.payments import OPERATIONS

    assert OPERATIONS.keys() == set(Kind)


async def test_asking_for_some_types_gives_just_these() -> None:
    story = await told_story()
    events = await published(story)
    records = await story.journal.tail({0: 0, 1: 0}, 100_000_000)
    for kind in catalogue.TYPES:
        found = await Translator(story.journal).translate(records, frozenset((kind,)))
        assert found == [event for event in events if event.type == kind]
        assert found
