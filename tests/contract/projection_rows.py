"""Rows for the projections' tables, written straight into them: what a projector would have made of some journal."""

from collections.abc import Sequence
from importlib.resources import files

import asyncpg
import msgspec

from processor.core.ids import Place
from processor.core.messages import Kind, Leg, PaymentStatus, PaymentView
from processor.projections.entry_list import LinePlace
from processor.projections.payment_filters import PaymentFilters
from processor.projections.payment_list import Listed
from processor.projections.rows import accounts_of, currencies_of, json_text, legs_columns
from processor.projections.snapshots import SCHEMA


class Row(msgspec.Struct, frozen=True):
    """A payment as it is listed; `travels`: it is not decided yet, so no list shows it."""

    shard: int
    view: PaymentView
    travels: bool = False

    @property
    def place(self) -> Place:
        """Where the payment stands."""
        return Place(self.view.at, self.shard, self.view.sequence, self.view.index)

    @property
    def listed(self) -> Listed:
        """The payment as a list shows it."""
        return Listed(self.shard, self.view)

    @property
    def amount(self) -> int | None:
        """The sum over the legs; None in several currencies."""
        return sum(leg.amount for leg in self.view.legs) if len({leg.currency for leg in self.view.legs}) == 1 else None

    def fits(self, filters: PaymentFilters) -> bool:
        """Return whether the list with these filters must have it: the rule in plain words, without SQL."""
        view, amount = self.view, self.amount
        accounts = {name for leg in view.legs for name in (leg.from_account, leg.to_account)}
        metadata = view.metadata or {}
        return not self.travels and all((
            filters.account is None or filters.account in accounts,
            filters.status is None or filters.status == view.status,
            filters.reference is None or filters.reference == view.reference,
            filters.currency is None or filters.currency in {leg.currency for leg in view.legs},
            filters.created_gte is None or view.at >= filters.created_gte,
            filters.created_lt is None or view.at < filters.created_lt,
            filters.amount_gte is None or (amount is not None and amount >= filters.amount_gte),
            filters.amount_lte is None or (amount is not None and amount <= filters.amount_lte),
            all(metadata.get(key) == value for key, value in (filters.metadata or {}).items()),
        ))  # fmt: skip


class Line(msgspec.Struct, frozen=True):
    """A line on an account, with the balances after it."""

    place: LinePlace
    amount: int
    posted: int
    kind: Kind = Kind.PAYMENT
    pending_out: int = 0
    pending_in: int = 0
    payment: Place = Place(1, 0, 1, 0)


async def make_schema(session: asyncpg.Connection) -> None:
    """Make the projections' schema, with its tables and views, and nothing in them."""
    await session.execute(f"CREATE SCHEMA {SCHEMA}")
    for name in ("tables.sql", "views.sql"):
        await session.execute((files("processor.projections") / "sql" / name).read_text(encoding="utf-8"))


def payment(number: int, legs: Sequence[Leg], status: PaymentStatus = "succeeded", **others: object) -> Row:
    """Return the nth payment: three are made at each instant, on different shards or in one record."""
    amounts, nothing = tuple(leg.amount for leg in legs), (0,) * len(legs)
    is_hold = status in ("held", "voided", "expired")
    view = PaymentView(
        at=1_000 + number // 3,
        sequence=1 + number // 6,
        index=number % 3,
        status=status,
        legs=tuple(legs),
        held=amounts if status == "held" else nothing,
        captured=nothing if is_hold else amounts,
        refunded=amounts
        if status == "refunded"
        else tuple(amount // 2 for amount in amounts)
        if "partially" in status
        else nothing,
        expires_at=5_000 if is_hold else None,
        reference=others.get("reference"),  # type: ignore[arg-type]
        metadata=others.get("metadata"),  # type: ignore[arg-type]
        changed=1 + number,
    )
    return Row(number % 2, view, travels=bool(others.get("travels")))


async def insert_payments(connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
    """Insert the payments, and what of their legs has tables of its own."""
    several = [row for row in rows if len(row.view.legs) > 1]
    accounts = [(account, *row.place) for row in several for account in accounts_of(row.view.legs)]
    currencies = [(currency, *row.place) for row in several if row.amount is None for currency in currencies_of(row.view.legs)]
    await connection.copy_records_to_table("payments", records=[_record(row) for row in rows], schema_name=SCHEMA)
    await connection.copy_records_to_table("payment_accounts", records=accounts, schema_name=SCHEMA)
    await connection.copy_records_to_table("payment_currencies", records=currencies, schema_name=SCHEMA)


async def insert_lines(connection: asyncpg.Connection, account: str, lines: Sequence[Line]) -> None:
    """Insert an account's lines."""
    records = [
        (account, *line.place, line.kind, line.amount, line.posted, line.pending_out, line.pending_in, *line.payment)
        for line in lines
    ]
    await connection.copy_records_to_table("entries", records=records, schema_name=SCHEMA)


async def insert_account(
    connection: asyncpg.Connection, account: str, currency: str, pending_out: int = 0, opened_at: int = 0
) -> None:
    """Insert an open account."""
    record = (account, 0, currency, 0, None, None, opened_at, "open", pending_out, 0)
    await connection.copy_records_to_table("accounts", records=[record], schema_name=SCHEMA)


async def set_position(connection: asyncpg.Connection, shard: int, sequence: int) -> None:
    """Say how far a shard's journal has been read."""
    await connection.execute(
        f"INSERT INTO {SCHEMA}.positions VALUES ($1, $2, 0) ON CONFLICT (shard) DO UPDATE SET sequence = excluded.sequence",
        shard, sequence,
    )  # fmt: skip


def _record(row: Row) -> tuple[object, ...]:
    view = row.view
    untouched = view.expires_at is None and not any(view.refunded)
    totals = (None, None, None) if untouched else (view.held, view.captured, view.refunded)
    return (
        *row.place, None if row.travels else view.status, *legs_columns(view.legs), *totals, view.expires_at, view.reference,
        json_text(view.metadata), view.changed,
    )  # fmt: skip
