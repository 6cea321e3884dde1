"""What a batch of records writes into the read model: new rows, and changes of rows that are there already.

New rows have the columns of sql/tables.sql in their order. Accounts and payments are lists, because a later event of the same
batch may still change them before they are written.
"""

from typing import Any

import msgspec

from processor.core.messages import Leg, Metadata

AMOUNT_MAX = 2**63 - 1
STATUS, HELD, CAPTURED, REFUNDED, CHANGED = 4, 10, 11, 12, 16
ACCOUNT_STATUS, ACCOUNT_PENDING_OUT, ACCOUNT_PENDING_IN = 7, 8, 9

Key = tuple[int, int, int, int]
"""A payment's place (at, shard, sequence, index) as a plain tuple."""

Amounts = tuple[int, ...]

encode_legs = msgspec.msgpack.Encoder().encode
decode_legs = msgspec.msgpack.Decoder(tuple[Leg, ...]).decode
_encode_json = msgspec.json.Encoder().encode


class AccountChange(msgspec.Struct):
    """What becomes of an account that is in the table already. None: it stays as it is."""

    status: str | None = None
    pending_out: int | None = None
    pending_in: int | None = None


class PaymentChange(msgspec.Struct, frozen=True):
    """How a payment stands after something has happened to it. Amounts are for each leg; `changed` is the record that says so."""

    status: str
    held: Amounts
    captured: Amounts
    refunded: Amounts
    changed: int


class Rows:
    """Rows and changes of one transaction, over any number of shards."""

    __slots__ = (
        "account_changes",
        "accounts",
        "ended_transfers",
        "entries",
        "outcomes",
        "payment_accounts",
        "payment_changes",
        "payment_currencies",
        "payments",
        "transfers",
    )

    def __init__(self) -> None:
        self.accounts: dict[str, list[Any]] = {}
        self.account_changes: dict[str, AccountChange] = {}
        self.entries: list[tuple[Any, ...]] = []
        self.payments: dict[Key, list[Any]] = {}
        self.payment_changes: dict[Key, PaymentChange] = {}
        self.payment_accounts: list[tuple[str, int, int, int, int]] = []
        self.payment_currencies: list[tuple[str, int, int, int, int]] = []
        self.outcomes: list[tuple[bytes, int, bytes]] = []
        self.transfers: dict[tuple[int, int, int], tuple[Any, ...]] = {}
        self.ended_transfers: list[tuple[int, int, int]] = []

    def change_status(self, account: str, status: str) -> None:
        """Note that an account was frozen, unfrozen or closed."""
        row = self.accounts.get(account)
        if row is not None:
            row[ACCOUNT_STATUS] = status
        else:
            self._change_of(account).status = status

    def change_pending(self, account: str, pending_out: int, pending_in: int) -> None:
        """Note what of an account is reserved now."""
        row = self.accounts.get(account)
        if row is not None:
            row[ACCOUNT_PENDING_OUT], row[ACCOUNT_PENDING_IN] = pending_out, pending_in
        else:
            change = self._change_of(account)
            change.pending_out, change.pending_in = pending_out, pending_in

    def change_payment(self, key: Key, change: PaymentChange) -> None:
        """Note how a payment stands now."""
        row = self.payments.get(key)
        if row is not None:
            apply_change(row, change)
        else:
            self.payment_changes[key] = change

    def end_transfer(self, shard: int, home: int, number: int) -> None:
        """Note that a transfer is decided: its row goes, or is never written."""
        if self.transfers.pop((shard, home, number), None) is None:
            self.ended_transfers.append((shard, home, number))

    def _change_of(self, account: str) -> AccountChange:
        return self.account_changes.setdefault(account, AccountChange())


def apply_change(row: list[Any], change: PaymentChange) -> None:
    """Change a row of `payments` as the UPDATE of a stored one does."""
    row[STATUS], row[HELD], row[CAPTURED], row[REFUNDED] = change.status, change.held, change.captured, change.refunded
    row[CHANGED] = change.changed


def json_text(metadata: Metadata | None) -> str | None:
    """Return metadata as the text of a jsonb column."""
    return _encode_json(metadata).decode() if metadata is not None else None


def legs_columns(legs: tuple[Leg, ...]) -> tuple[str | None, str | None, int | None, str | None, bytes | None]:
    """Return the columns `from_account` to `legs` of a payment with these legs."""
    first = legs[0]
    if len(legs) == 1:
        return first.from_account, first.to_account, first.amount, first.currency, None
    has_one_currency = all(leg.currency == first.currency for leg in legs)
    return (
        first.from_account if all(leg.from_account == first.from_account for leg in legs) else None,
        first.to_account if all(leg.to_account == first.to_account for leg in legs) else None,
        min(sum(leg.amount for leg in legs), AMOUNT_MAX) if has_one_currency else None,
        first.currency if has_one_currency else None,
        encode_legs(legs),
    )


def currencies_of(legs: tuple[Leg, ...]) -> list[str]:
    """Return the currencies of all legs, each once."""
    return list(dict.fromkeys(leg.currency for leg in legs))


def accounts_of(legs: tuple[Leg, ...]) -> list[str]:
    """Return the accounts of all legs, each once."""
    return list(dict.fromkeys(account for leg in legs for account in (leg.from_account, leg.to_account)))
