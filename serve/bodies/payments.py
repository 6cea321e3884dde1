"""Bodies about payments."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from serve.bodies.conditions import BalanceConditionBody
from serve.bodies.values import AccountId, Amount, AsOf, CurrencyCode, Metadata, Money, Time
from serve.limits import (
    CONDITIONS_MAX,
    HOLD_SECONDS_DEFAULT,
    HOLD_SECONDS_MAX,
    LEGS_MAX,
    REFERENCE_CHARACTERS_MAX,
)
from serve.wire.problems import ProblemBody

_SIDES = {"from_account": "from", "to_account": "to"}
_MODE = "`hold` reserves the money, to be captured later; `immediate` (if nothing is said) moves it"
_EXPIRY = f"Only for holds: after this time what is still held is released; default {HOLD_SECONDS_DEFAULT} (7 days)"
_CONDITIONS = "The payment is made only if all of them are true before it"


class LegBody(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename=_SIDES):
    """One movement of money from an account to another."""

    from_account: AccountId
    to_account: AccountId
    amount: Amount
    currency: CurrencyCode


class PaymentRequestBody(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename=_SIDES):
    """A payment: either `from`, `to`, `amount` and `currency`, or `legs`, which happen all or not at all, in their order."""

    from_account: AccountId | UnsetType = UNSET
    to_account: AccountId | UnsetType = UNSET
    amount: Amount | UnsetType = UNSET
    currency: CurrencyCode | UnsetType = UNSET
    legs: Annotated[list[LegBody], Meta(min_length=1, max_length=LEGS_MAX)] | UnsetType = UNSET
    mode: Annotated[Literal["immediate", "hold"], Meta(description=_MODE)] | UnsetType = UNSET
    expires_in_seconds: Annotated[int, Meta(ge=1, le=HOLD_SECONDS_MAX, description=_EXPIRY)] | UnsetType = UNSET
    balance_conditions: (
        Annotated[list[BalanceConditionBody], Meta(min_length=1, max_length=CONDITIONS_MAX, description=_CONDITIONS)] | UnsetType
    ) = UNSET
    reference: Annotated[str, Meta(max_length=REFERENCE_CHARACTERS_MAX)] | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class BatchItemBody(PaymentRequestBody, gc=False, rename=_SIDES):
    """A payment of a batch, with its own idempotency key (required)."""

    idempotency_key: Annotated[str, Meta(description="1 to 255 visible ASCII characters")] | UnsetType = UNSET


class BatchRequestBody(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 10,000 payments. They do not disturb each other."""

    payments: list[BatchItemBody]


class PaymentLegBody(msgspec.Struct, frozen=True, gc=False, rename=_SIDES):
    """One movement of a payment."""

    from_account: AccountId
    to_account: AccountId
    amount: Money
    currency: CurrencyCode


class PaymentBody(msgspec.Struct, frozen=True, gc=False, rename={**_SIDES, "payment": "id"}):
    """A payment. `from`, `to` and `currency` are null if its legs differ in them, `amount` and what follows from it if they
    differ in currency. `held` is what is still held, until `expires_at`. `as_of` says from where on this state can be read."""

    payment: Annotated[str, Meta(examples=["pay_01F2J7M1Z5Q00000000R200001"])]
    status: Literal["succeeded", "held", "voided", "expired", "partially_refunded", "refunded"]
    from_account: AccountId | None
    to_account: AccountId | None
    amount: Money | None
    currency: CurrencyCode | None
    legs: list[PaymentLegBody]
    mode: Literal["immediate", "hold"]
    held: Money | None
    captured: Money | None
    refunded: Money | None
    expires_at: Time | None
    reference: str | None
    metadata: dict[str, str]
    created_at: Time
    as_of: AsOf


_ShortAnswer = Annotated[str, Meta(description="In place of `payment`, with `Prefer: return=minimal`")]


class BatchResultBody(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one payment of a batch: `payment` (or `id` alone, if asked so) with status 201, else `problem`."""

    status: int
    replayed: bool | UnsetType = UNSET
    payment: PaymentBody | UnsetType = UNSET
    payment_id: _ShortAnswer | UnsetType = msgspec.field(default=UNSET, name="id")
    problem: ProblemBody | UnsetType = UNSET


class BatchResultsBody(msgspec.Struct, frozen=True):
    """Outcomes in the order of the payments."""

    results: list[BatchResultBody]


class PaymentsBody(msgspec.Struct, frozen=True):
    """A page of payments, newest first. Send `next_cursor` back as `cursor` for the following page."""

    data: list[PaymentBody]
    has_more: bool
    next_cursor: Annotated[str, Meta(description="Opaque")] | None
