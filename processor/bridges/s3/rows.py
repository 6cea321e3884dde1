"""From published events to rows, sorted into partitions. The fields are the columns of `tables.py`, in their order."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from processor.bridges.s3.tables import ENTRIES, EVENTS
from processor.eventlog.event import (
    AboutAccount,
    AboutBalances,
    AboutPayment,
    AboutRefusal,
    AnyData,
    BalancesData,
    EntryData,
    PublishedEvent,
)

_DAY_MICROSECONDS = 24 * 3600 * 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGER_MAX = 2**63 - 1
_encode = msgspec.json.Encoder().encode


class Partition(NamedTuple):
    """Rows that share a file. `date`: the day in UTC on which the events were recorded. `currency`: None if they have none in common."""

    table: str
    date: str
    currency: str | None


class EntryRow(NamedTuple):
    """A row of `entries`."""

    shard: int
    sequence: int
    event_index: int
    line: int
    recorded_at: int
    payment_id: str | None
    operation: str | None
    account: str
    currency: str
    direction: str | None
    amount: int
    posted_after: int | None
    pending_in_after: int | None
    pending_out_after: int | None
    available_after: int | None


class EventRow(NamedTuple):
    """A row of `events`."""

    shard: int
    sequence: int
    event_index: int
    recorded_at: int
    type: str
    subject: str
    payment_id: str | None = None
    account: str | None = None
    operation: str | None = None
    status: str | None = None
    from_account: str | None = None
    to_account: str | None = None
    currency: str | None = None
    amount: int | None = None
    held: int | None = None
    captured: int | None = None
    refunded: int | None = None
    moved: int | None = None
    legs: str | None = None
    moved_by_leg: str | None = None
    mode: str | None = None
    reference: str | None = None
    metadata: str | None = None
    created_at: int | None = None
    expires_at: int | None = None
    reason: str | None = None
    code: str | None = None
    request_id: str | None = None
    refused_leg: int | None = None
    refused_side: str | None = None
    refused_condition: int | None = None
    min_balance: int | None = None
    max_balance: int | None = None


Row = EntryRow | EventRow


def rows_of(events: Iterable[PublishedEvent]) -> dict[Partition, list[Row]]:
    """Return the rows of these events, in the events' order."""
    rows: dict[Partition, list[Row]] = {}
    for event in events:
        date = _date(event.at // _DAY_MICROSECONDS)
        told = _event_row(event)
        rows.setdefault(Partition(EVENTS, date, told.currency), []).append(told)
        for line in _lines(event, event.data):
            rows.setdefault(Partition(ENTRIES, date, line.currency), []).append(line)
    return rows


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def _lines(event: PublishedEvent, data: AnyData) -> Iterator[EntryRow]:
    payment_id: str | None = None
    operation: str | None = None
    entries: Sequence[EntryData] = ()
    match data:
        case AboutPayment():
            payment_id, operation, entries = data.payment.id, data.operation, data.entries
        case AboutBalances():
            payment_id, operation, entries = data.payment_id, data.operation, data.entries
        case AboutRefusal():
            return
    stands = {stand.account: stand for stand in data.balances}
    for line, entry in enumerate(entries):
        stand = stands.get(entry.account, _UNKNOWN)
        yield EntryRow(
            event.shard, event.sequence, event.index, line, event.at, payment_id, operation, entry.account, entry.currency,
            entry.direction, entry.amount, entry.posted_after, stand.pending_in, stand.pending_out, stand.available,
        )  # fmt: skip
    posted = {entry.account for entry in entries}
    others = [stand for stand in data.balances if stand.account not in posted]
    for line, stand in enumerate(others, start=len(entries)):
        yield EntryRow(
            event.shard, event.sequence, event.index, line, event.at, payment_id, operation, stand.account, stand.currency,
            None, 0, stand.posted, stand.pending_in, stand.pending_out, stand.available,
        )  # fmt: skip


_UNKNOWN = BalancesData("", "", None, None, None, None)


def _event_row(event: PublishedEvent) -> EventRow:
    name = event.shard, event.sequence, event.index, event.at, event.type, event.subject
    match event.data:
        case AboutPayment() as data:
            return _payment_row(name, data)
        case AboutBalances() as data:
            currencies = {stand.currency for stand in data.balances}
            currency = currencies.pop() if len(currencies) == 1 else None
            return EventRow(*name, payment_id=data.payment_id, operation=data.operation, currency=currency)
        case AboutRefusal() as data:
            return EventRow(
                *name,
                payment_id=data.payment_id,
                operation=data.operation,
                code=data.code,
                request_id=data.request_id,
                refused_leg=data.leg,
                refused_side=data.side,
                refused_condition=data.condition,
            )
        case AboutAccount(account=account):
            return EventRow(
                *name,
                account=account.id,
                status=account.status,
                currency=account.currency,
                metadata=_text(account.metadata) if account.metadata is not None else None,
                min_balance=account.min_balance,
                max_balance=account.max_balance,
            )


def _payment_row(name: tuple[int, int, int, int, str, str], data: AboutPayment) -> EventRow:
    payment = data.payment
    return EventRow(
        *name,
        payment_id=payment.id,
        operation=data.operation,
        status=payment.status,
        from_account=payment.from_account,
        to_account=payment.to_account,
        currency=payment.currency,
        amount=_fitting(payment.amount),
        held=_fitting(payment.held),
        captured=_fitting(payment.captured),
        refunded=_fitting(payment.refunded),
        moved=_fitting(sum(data.amounts)) if payment.currency else None,
        legs=_text(payment.legs),
        moved_by_leg=_text(data.amounts),
        mode=payment.mode,
        reference=payment.reference,
        metadata=_text(payment.metadata) if payment.metadata else "{}",
        created_at=payment.created_at,
        expires_at=payment.expires_at,
        reason=data.reason,
        code=data.code,
    )


def _fitting(total: int | None) -> int | None:
    """Return a sum over legs, or None if a column cannot hold it; `legs` and `moved_by_leg` have its parts."""
    return total if total is not None and total <= _INTEGER_MAX else None


def _text(value: object) -> str:
    return _encode(value).decode()
