"""What the journal alone can tell about the past: an account's entries, its balance at an instant, one payment.

Each posting event names the record of the account's previous entry, so an account's history is walked backwards from its
newest entry, without any other index; and a payment's id says in which record it stands.
"""

from collections.abc import AsyncIterator, Iterable, Iterator

import msgspec

from processor.core import events as e
from processor.core.ids import Place
from processor.core.messages import Pay, PayLegs
from processor.journal.interface import Journal, JournalCorrupt
from processor.journal.record import Record

RECORDS_MAX = 20_000
"""How many records one question may read."""


class HistoryTooLong(Exception):
    """The answer lies more than RECORDS_MAX records back."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One entry of an account. `amount` is negative for a debit; `at` in microseconds since 1970.

    `previous` is the record that holds the account's entry before this one.
    """

    payment: Place
    amount: int
    posted: int
    at: int
    sequence: int
    previous: int


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where a walk stands: the record to read, and how many of its newest lines for this account to pass over."""

    sequence: int
    skip: int = 0


def lines_of(record: Record, account: str) -> Iterator[Line]:
    """Yield the account's lines in the record, oldest first."""
    for index, event in enumerate(e.decode_events(record.payload)):
        here = Place(record.at, record.shard, record.sequence, index)
        for payment, name, amount, posted, previous in _postings(event, here):
            if name == account:
                yield Line(payment, amount, posted, record.at, record.sequence, previous)


def postings(events: Iterable[e.AnyEvent]) -> Iterator[tuple[str, int, int]]:
    """Yield (account, signed amount, balance after) for each posting of the events."""
    nowhere = Place(0, 0, 0, 0)
    for event in events:
        for _, account, amount, posted, _ in _postings(event, nowhere):
            yield account, amount, posted


def _postings(event: e.AnyEvent, here: Place) -> Iterator[tuple[Place, str, int, int, int]]:
    """Yield (payment, account, signed amount, balance after, previous record) for each posting that the event makes."""
    match event:
        case e.Paid():
            yield here, event.from_account, -event.amount, event.from_posted, event.from_previous
            yield here, event.to_account, event.amount, event.to_posted, event.to_previous
        case e.PaidOut():
            yield here, event.from_account, -event.amount, event.from_posted, event.from_previous
        case e.PaidIn():
            payment = Place(here.at, event.home, event.home_sequence, event.home_index)
            yield payment, event.to_account, event.amount, event.to_posted, event.to_previous
        case e.PaidLegs():
            yield from _entries(here, event.entries)
        case e.PaidLegsIn():
            yield from _entries(Place(here.at, event.home, event.home_sequence, event.home_index), event.entries)
        case e.Decided():
            yield from _entries(Place(event.at, here.shard, event.sequence, event.index), event.entries)
        case e.PartDecided():
            yield from _entries(Place(event.at, event.home, event.sequence, event.index), event.entries)
        case e.Received():
            yield from _entries(Place(event.at, event.home, event.sequence, event.index), (event.entry,))


def _entries(payment: Place, entries: tuple[e.Entry, ...]) -> Iterator[tuple[Place, str, int, int, int]]:
    for entry in entries:
        yield payment, entry.account, entry.amount, entry.posted, entry.previous


async def walk(journal: Journal, shard: int, account: str, start: Position) -> AsyncIterator[tuple[Line, Position]]:
    """Yield the account's lines, newest first, each with the position after it. Raises HistoryTooLong, JournalCorrupt."""
    position = start
    for _ in range(RECORDS_MAX):
        if not position.sequence:
            return
        record = await journal.record(shard, position.sequence)
        lines = list(lines_of(record, account)) if record is not None else []
        if record is None or not lines:
            raise JournalCorrupt(f"shard {shard}: record {position.sequence} has no entry of {account}, as the one after it says")
        for skip in range(position.skip, len(lines)):
            line = lines[-1 - skip]
            is_last = skip + 1 == len(lines)
            yield line, Position(line.previous) if is_last else Position(record.sequence, skip + 1)
        position = Position(lines[0].previous)
    raise HistoryTooLong(f"more than {RECORDS_MAX} records to read for {account}")


async def find_payment(journal: Journal, place: Place) -> tuple[Pay | PayLegs, int] | None:
    """Return what was asked and the home's record that decided it, or None if no payment was made there."""
    record = await journal.record(place.shard, place.sequence)
    if record is None or record.at != place.at:
        return None
    events = e.decode_events(record.payload)
    event = events[place.index] if place.index < len(events) else None
    match event:
        case e.Paid() | e.PaidOut():
            return _as_asked(place.shard, event), place.sequence
        case e.PaidLegs():
            return _legs_as_asked(place.shard, event), place.sequence
        case e.Reserved():
            decided = await _decision(journal, place, event.number)
            return (_legs_as_asked(place.shard, event), decided) if decided is not None else None
    return None


async def _decision(journal: Journal, place: Place, number: int) -> int | None:
    """Return the record that committed the transfer: it follows its reservation closely, so the records are read forwards."""
    async for record in journal.read(place.shard, place.sequence - 1, place.sequence + RECORDS_MAX):
        for event in e.decode_events(record.payload):
            if isinstance(event, e.Decided) and event.number == number:
                return record.sequence if event.result == 0 else None
    return None


def _as_asked(shard: int, event: e.Paid | e.PaidOut) -> Pay:
    return Pay(
        shard, event.key, event.fingerprint, event.from_account, event.to_account, event.amount, event.currency,
        event.reference, event.metadata,
    )  # fmt: skip


def _legs_as_asked(shard: int, event: e.PaidLegs | e.Reserved) -> Pay | PayLegs:
    if len(event.legs) > 1:
        return PayLegs(shard, event.key, event.fingerprint, event.legs, event.reference, event.metadata)
    leg = event.legs[0]
    return Pay(
        shard, event.key, event.fingerprint, leg.from_account, leg.to_account, leg.amount, leg.currency,
        event.reference, event.metadata,
    )  # fmt: skip
