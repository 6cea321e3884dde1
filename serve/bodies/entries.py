"""Bodies about an account's entries: pages of them, and statements."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from processor.core.ids import payment_id
from processor.core.messages import Kind
from processor.wire_values import money, rfc3339
from serve.bodies.values import AccountId, CurrencyCode, Money, Time
from serve.reads import Entry, EntryPage, Statement

EntryKind = Literal["payment", "capture", "refund", "reversal", "hold", "void", "expiry"]
Direction = Literal["debit", "credit"]
_Cursor = Annotated[str, Meta(description="Opaque")]
_KINDS: dict[Kind, EntryKind] = {
    Kind.PAYMENT: "payment",
    Kind.CAPTURE: "capture",
    Kind.REFUND: "refund",
    Kind.REVERSAL: "reversal",
    Kind.HOLD: "hold",
    Kind.VOID: "void",
    Kind.EXPIRY: "expiry",
}


class EntryBody(msgspec.Struct, frozen=True):
    """One line on the account; `kind` is what made it, `posted_after` the balance after it."""

    payment_id: str
    kind: EntryKind
    direction: Direction
    amount: Money
    posted_after: Money
    at: Time
    sequence: int


class EntriesBody(msgspec.Struct, frozen=True):
    """A page of entries, newest first. Send `next_cursor` back as `cursor` for the following page."""

    data: list[EntryBody]
    has_more: bool
    next_cursor: _Cursor | None


class StatementLineBody(msgspec.Struct, frozen=True):
    """One line of a statement; `balance_after` is the posted balance after it."""

    at: Time
    payment_id: str
    kind: EntryKind
    direction: Direction
    amount: Money
    balance_after: Money
    sequence: int


class StatementBody(msgspec.Struct, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """A page of the lines at `from` and later but before `to`, oldest first. Balances and totals are those of all its pages."""

    account: AccountId
    currency: CurrencyCode
    from_at: Time
    to_at: Time
    opening_balance: Money
    closing_balance: Money
    total_debits: Money
    total_credits: Money
    data: list[StatementLineBody]
    has_more: bool
    next_cursor: _Cursor | None


def entries_body(page: EntryPage) -> EntriesBody:
    """Return the page."""
    return EntriesBody([_entry(entry) for entry in page.entries], page.next_cursor is not None, page.next_cursor)


def _entry(entry: Entry) -> EntryBody:
    return EntryBody(
        payment_id=payment_id(*entry.payment),
        kind=_KINDS[entry.kind],
        direction=_direction(entry),
        amount=money(abs(entry.amount)),
        posted_after=money(entry.posted),
        at=rfc3339(entry.at),
        sequence=entry.sequence,
    )


def statement_line(entry: Entry) -> StatementLineBody:
    """Return the line."""
    return StatementLineBody(
        at=rfc3339(entry.at),
        payment_id=payment_id(*entry.payment),
        kind=_KINDS[entry.kind],
        direction=_direction(entry),
        amount=money(abs(entry.amount)),
        balance_after=money(entry.posted),
        sequence=entry.sequence,
    )


def statement_body(account: str, currency: str, from_at: int, to_at: int, page: Statement, cursor: str | None) -> StatementBody:
    """Return the page; `cursor` leads to the next one."""
    return StatementBody(
        account=account,
        currency=currency,
        from_at=rfc3339(from_at),
        to_at=rfc3339(to_at),
        opening_balance=money(page.opening),
        closing_balance=money(page.closing),
        total_debits=money(page.debits),
        total_credits=money(page.credits),
        data=[statement_line(entry) for entry in page.entries],
        has_more=cursor is not None,
        next_cursor=cursor,
    )


def _direction(entry: Entry) -> Direction:
    return "debit" if entry.amount < 0 else "credit"
