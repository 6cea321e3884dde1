"""What the journal alone can tell about an account's past: its entries.

Each posting event names the record of the account's previous entry, so an account's history is walked backwards from its
newest entry, without any other index.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import NamedTuple

import msgspec

from processor.core import events as e
from processor.core.ids import Place
from processor.core.messages import Kind
from processor.journal.interface import Journal, JournalCorrupt
from processor.journal.record import Record

RECORDS_MAX = 20_000
"""How many records one question may read."""


class HistoryTooLong(Exception):
    """The answer lies more than RECORDS_MAX records back."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One entry of an account. `payment` is the place of the payment, also where a later capture or refund made the entry.

    `amount` is negative for a debit; `at` in microseconds since 1970. `previous` is the record that holds the account's entry
    before this one.
    """

    payment: Place
    kind: Kind
    amount: int
    posted: int
    at: int
    sequence: int
    previous: int


class Step(msgspec.Struct, frozen=True, gc=False):
    """A record that holds entries of the account: all of them, oldest first; `previous` is the record of the one before."""

    at: int
    sequence: int
    lines: list[Line]

    @property
    def previous(self) -> int:
        """The record where the walk goes on; 0: nowhere."""
        return self.lines[0].previous


class Posting(NamedTuple):
    """One line that an event makes on an account, with the balance after it and the record of the account's line before."""

    payment: Place
    kind: Kind
    account: str
    amount: int
    posted: int
    previous: int


def _lines_of(record: Record, account: str) -> list[Line]:
    """Return the account's lines in the record, oldest first."""
    lines = []
    for index, event in enumerate(e.decode_events(record.payload)):
        for posting in postings_at(event, Place(record.at, record.shard, record.sequence, index)):
            if posting.account == account:
                lines.append(
                    Line(
                        posting.payment,
                        posting.kind,
                        posting.amount,
                        posting.posted,
                        record.at,
                        record.sequence,
                        posting.previous,
                    )
                )
    return lines


def postings(events: Iterable[e.AnyEvent]) -> Iterator[tuple[str, int, int]]:
    """Yield (account, signed amount, balance after) for each posting of the events."""
    nowhere = Place(0, 0, 0, 0)
    for event in events:
        for posting in postings_at(event, nowhere):
            yield posting.account, posting.amount, posting.posted


def postings_at(event: e.AnyEvent, here: Place) -> Iterator[Posting]:
    """Yield the postings that the event at this place makes."""
    match event:
        case e.Paid():
            yield Posting(here, Kind.PAYMENT, event.from_account, -event.amount, event.from_posted, event.from_previous)
            yield Posting(here, Kind.PAYMENT, event.to_account, event.amount, event.to_posted, event.to_previous)
        case e.PaidOut():
            yield Posting(here, Kind.PAYMENT, event.from_account, -event.amount, event.from_posted, event.from_previous)
        case e.PaidIn():
            payment = Place(here.at, event.home, event.home_sequence, event.home_index)
            yield Posting(payment, Kind.PAYMENT, event.to_account, event.amount, event.to_posted, event.to_previous)
        case e.PaidLegs():
            yield from _entries(here, Kind.PAYMENT, event.entries)
        case e.PaidLegsIn():
            payment = Place(here.at, event.home, event.home_sequence, event.home_index)
            yield from _entries(payment, Kind.PAYMENT, event.entries)
        case e.Decided():
            at, sequence, index = event.about or (event.at, event.sequence, event.index)
            yield from _entries(Place(at, here.shard, sequence, index), event.kind, event.entries)
        case e.Captured():
            yield from _entries(Place(event.at, here.shard, event.sequence, event.index), Kind.CAPTURE, event.entries)
        case e.Refunded():
            yield from _entries(Place(event.at, here.shard, event.sequence, event.index), event.kind, event.entries)
        case e.PartDecided() | e.Settled():
            yield from _entries(Place(event.at, event.home, event.sequence, event.index), event.kind, event.entries)
        case e.Received():
            yield from _entries(Place(event.at, event.home, event.sequence, event.index), event.kind, (event.entry,))


def _entries(payment: Place, kind: Kind, entries: tuple[e.Entry, ...]) -> Iterator[Posting]:
    for entry in entries:
        yield Posting(payment, kind, entry.account, entry.amount, entry.posted, entry.previous)


async def walk(journal: Journal, shard: int, account: str, sequence: int) -> AsyncIterator[Step]:
    """Yield the records that hold entries of the account, newest first, from the record `sequence`, which must be one of them.

    Raises HistoryTooLong, JournalCorrupt, JournalUnavailable.
    """
    for _ in range(RECORDS_MAX):
        if not sequence:
            return
        record = await journal.record(shard, sequence)
        lines = _lines_of(record, account) if record is not None else []
        if record is None or not lines:
            raise JournalCorrupt(f"shard {shard}: record {sequence} has no entry of {account}, as the one after it says")
        step = Step(record.at, sequence, lines)
        yield step
        sequence = step.previous
    raise HistoryTooLong(f"more than {RECORDS_MAX} records to read for {account}")
