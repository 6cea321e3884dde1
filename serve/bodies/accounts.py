"""Bodies about accounts."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from processor.core.messages import AccountView
from processor.wire_values import money, rfc3339
from serve.bodies.values import AccountId, AsOf, Bound, CurrencyCode, Metadata, Money, Time


class OpenAccountBody(msgspec.Struct, forbid_unknown_fields=True, rename={"account": "id"}):
    """An account to open. `min_balance: null` means that it may go below zero without a bound."""

    currency: CurrencyCode
    account: AccountId | UnsetType = UNSET
    min_balance: Bound | None = 0
    max_balance: Bound | None = None
    metadata: Metadata | None = None


class EmptyBody(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing: an empty object, or no body at all."""


class AccountBody(msgspec.Struct, frozen=True, rename={"account": "id"}):
    """An account. `available` is `posted - pending_out`; `version` grows with every change."""

    account: AccountId
    currency: CurrencyCode
    status: Literal["open", "frozen", "closed"]
    posted: Money
    pending_in: Money
    pending_out: Money
    available: Money
    min_balance: Money | None
    max_balance: Money | None
    version: int
    metadata: dict[str, str]
    created_at: Time
    as_of: AsOf


class BalancesBody(msgspec.Struct, frozen=True, rename={"account": "id"}):
    """An account's balances. `source`: `cache`, the copy that follows the ledger, or the `ledger` itself."""

    account: AccountId
    currency: CurrencyCode
    posted: Money
    pending_in: Money
    pending_out: Money
    available: Money
    source: Literal["cache", "ledger"]
    as_of: AsOf


def account_body(view: AccountView, shard: int, sequence: int) -> AccountBody:
    """Return the account as it stands at `sequence` of its shard."""
    return AccountBody(
        account=view.id,
        currency=view.currency,
        status=view.status,
        posted=money(view.posted),
        pending_in=money(view.pending_in),
        pending_out=money(view.pending_out),
        available=money(view.posted - view.pending_out),
        min_balance=None if view.min_balance is None else money(view.min_balance),
        max_balance=None if view.max_balance is None else money(view.max_balance),
        version=view.version,
        metadata=view.metadata or {},
        created_at=rfc3339(view.opened_at),
        as_of=AsOf(shard, sequence),
    )
