"""Published events as they stand in JSON: the types from which their schemas are made, and as which consumers may decode them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from processor.core.messages import PaymentStatus, Status
from processor.eventlog.event import SIDES, Direction, Operation

_DECIMAL = r"^(0|-?[1-9][0-9]{0,19})$"

Money = int | Annotated[str, Meta(pattern=_DECIMAL, description="Decimal; used for values beyond 9007199254740991")]
"""Minor units of the currency."""

Time = Annotated[str, Meta(description="RFC 3339, UTC, microseconds", extra_json_schema={"format": "date-time"})]
Unrecorded = "null: an early version of this program did not record it"


class LegBody(msgspec.Struct, frozen=True, gc=False, rename=SIDES):
    """One movement of a payment."""

    from_account: str
    to_account: str
    amount: Money
    currency: str


class EntryBody(msgspec.Struct, frozen=True, gc=False):
    """One line that was made on an account, and what was posted there after it."""

    account: str
    direction: Direction
    amount: Money
    currency: str
    posted_after: Money


class BalancesBody(msgspec.Struct, frozen=True, gc=False):
    """How an account stands after the event; null: an early version of this program did not record it."""

    account: str
    currency: str
    posted: Money | None
    pending_in: Money | None
    pending_out: Money | None
    available: Money | None


class PaymentBody(msgspec.Struct, frozen=True, gc=False, rename=SIDES):
    """A payment as it stands after the event. `from`, `to` and `currency` are null if its legs differ in them, `amount` and what
    follows from it if they differ in currency. `held` is what is still held, until `expires_at`."""

    id: str
    status: PaymentStatus | Literal["pending", "refused"]
    from_account: str | None
    to_account: str | None
    amount: Money | None
    currency: str | None
    legs: tuple[LegBody, ...]
    mode: Literal["immediate", "hold"]
    held: Money | None
    captured: Money | None
    refunded: Money | None
    expires_at: Time | None
    reference: str | None
    metadata: dict[str, str]
    created_at: Time


class AccountBody(msgspec.Struct, frozen=True, gc=False):
    """An account that was opened."""

    id: str
    status: Status
    currency: str | None
    min_balance: Money | None
    max_balance: Money | None
    metadata: dict[str, str] | None


class AboutAccountBody(msgspec.Struct, frozen=True, gc=False):
    """An account that was opened, or whose status has changed: then only its `id` and `status` are told."""

    account: AccountBody
    balances: tuple[BalancesBody, ...]


class AboutPaymentBody(msgspec.Struct, frozen=True, gc=False):
    """What was done to a payment. `amounts`: for each leg, what this operation moves, reserves or releases, or would have if it is
    refused. `reason` is what was given for a reversal; `code` says why something was refused. `entries` and `balances` are those of
    the accounts on the payment's own shard; those of other shards follow as `balances.changed`."""

    operation: Operation
    payment: PaymentBody
    amounts: tuple[Money, ...]
    reason: str | None
    entries: tuple[EntryBody, ...]
    balances: tuple[BalancesBody, ...]
    code: str | None


class AboutRefusalBody(msgspec.Struct, frozen=True, gc=False):
    """A request that broke a rule. `code` is that of the HTTP answer and `request_id` its Request-Id. `payment_id` is the payment
    that was to be changed, or what the refused payment is known by. `leg` and `side` say which account of the payment's legs it
    was, `condition` which balance condition did not hold; both counted from 0."""

    operation: Annotated[Operation | None, Meta(description=Unrecorded)]
    payment_id: Annotated[str | None, Meta(description=Unrecorded)]
    request_id: str
    code: str
    leg: int | None
    side: Literal["from", "to"] | None
    condition: int | None


class AboutBalancesBody(msgspec.Struct, frozen=True, gc=False):
    """What an operation on a payment of another shard did to accounts of this one."""

    operation: Operation
    payment_id: str
    entries: tuple[EntryBody, ...]
    balances: tuple[BalancesBody, ...]


AnyBody = AboutAccountBody | AboutPaymentBody | AboutRefusalBody | AboutBalancesBody


class CloudEvent(msgspec.Struct, frozen=True, gc=False):
    """A published event. Drop repeats by `id`; within one `partitionkey`, events come in the order of `sequence`, then of `id`'s
    last number."""

    specversion: Literal["1.0"]
    id: Annotated[str, Meta(description="`shard:sequence:index`, the event's place in the journal", examples=["3:1042:0"])]
    source: Literal["/payments"]
    type: str
    subject: Annotated[str, Meta(min_length=1, description="The payment's or the account's id")]
    time: Time
    datacontenttype: Literal["application/json"]
    dataschema: Annotated[str, Meta(min_length=1, extra_json_schema={"format": "uri"})]
    sequence: Annotated[str, Meta(pattern=r"^[0-9]{20}$", description="The shard's record; of one shard they only grow")]
    partitionkey: Annotated[str, Meta(pattern=r"^shard-[0-9]+$", description="The shard whose order the event belongs to")]
    data: Any
