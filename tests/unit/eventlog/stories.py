"""Published events of the journal that holds every kind of event."""

from collections.abc import Iterable

import msgspec

from processor.core import events as e
from processor.core.messages import Kind, Leg
from processor.core.results import Result
from processor.eventlog.event import AboutPayment, BalancesData, PaymentData, PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.memory import MemoryJournal
from tests.contract.story import FINGERPRINT, SHARDS, Story, hold, key, tell_everything

READ_BYTES = 100_000_000


async def told_story() -> Story:
    """Return a journal with events of every kind."""
    journal = MemoryJournal(SHARDS)
    story = Story(journal, journal)
    await tell_everything(story)
    await story.add(
        0,
        e.Refused(key("no hold"), FINGERPRINT, Result.INSUFFICIENT_FUNDS, 1, Kind.HOLD),
        e.Refused(key("no void"), FINGERPRINT, Result.PAYMENT_NOT_HELD, 0, Kind.VOID, story.of("paid")),
        e.Refused(key("condition"), FINGERPRINT, Result.BALANCE_CONDITION_FAILED, 3, Kind.PAYMENT),
        *(e.StatusChanged("e", status) for status in ("frozen", "open", "closed")),
        name="refusals",
    )
    await _reverse(story, 10, "far reversal", Result.ACCEPTED)
    await _reverse(story, 11, "refused reversal", Result.INSUFFICIENT_FUNDS)
    return story


async def early_story() -> Story:
    """Return the same journal as a version wrote it that recorded nothing for publishing."""
    told = await told_story()
    journal = MemoryJournal(SHARDS)
    early = Story(journal, journal)
    await early.open()
    early.places, early.posted = told.places, told.posted
    for record in sorted((record for records in told.records.values() for record in records[2:]), key=lambda record: record.at):
        early._at = record.at
        await early.write(record.shard, *map(_as_early, e.decode_events(record.payload)), later=False)
    return early


def _as_early(event: e.AnyEvent) -> e.AnyEvent:
    names = ("balances", "pending")
    if isinstance(event, e.Refused):
        names = ("kind", "about")
    if isinstance(event, e.RefundReserved):
        names = ("balances", "held", "captured", "refunded", "status")
    return msgspec.structs.replace(event, **{name: None for name in names if hasattr(event, name)})


async def _reverse(story: Story, number: int, name: str, result: Result) -> None:
    """Reverse one of the eight that a hold between hosts has moved; three were refunded before."""
    stands, (held, captured, refunded) = story.of("far hold"), ((0,), (8,), (3 + (number > 10),))
    await story.add(
        0,
        e.RefundReserved(
            *stands, number, key(name), FINGERPRINT, Kind.REVERSAL, (1,), "mistake", (Leg("c", "a", 1, "EUR"),),
            (hold("a", 0, 1),), (1,), False, None, held, captured, refunded, "partially_refunded",
        ),
        name=name,
    )  # fmt: skip
    is_done = result is Result.ACCEPTED
    if is_done:
        await story.add(1, e.Received(0, number, *stands, "c", story.entry("c", -1), Kind.REVERSAL))
    entries = (story.entry("a", 1),) if is_done else ()
    await story.add(0, e.Decided(
        number, *story.of(name), result, 0, entries, ((1, "EUR", -1),) if is_done else (), Kind.REVERSAL, stands,
        held, captured, (refunded[0] + is_done,), "partially_refunded",
    ))  # fmt: skip


async def published(story: Story) -> list[PublishedEvent]:
    """Return all that the story's journal publishes, in the order of time."""
    records = await story.journal.tail({0: 0, 1: 0}, READ_BYTES)
    return await Translator(story.journal).translate(records)


def last_payments(events: Iterable[PublishedEvent]) -> dict[str, PaymentData]:
    """Return every payment as the last event about it says."""
    return {event.data.payment.id: event.data.payment for event in events if isinstance(event.data, AboutPayment)}


def last_balances(events: Iterable[PublishedEvent]) -> dict[str, BalancesData]:
    """Return every account's balances as the last event that knows them says."""
    return {
        balances.account: balances
        for event in events
        for balances in getattr(event.data, "balances", ())
        if balances.posted is not None
    }
