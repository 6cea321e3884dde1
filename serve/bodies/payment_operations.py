"""Bodies about what is done to a payment after it was made: captures, voids, refunds, reversals."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from serve.bodies.payments import PaymentBody
from serve.bodies.values import Amount, Money, Share, Time
from serve.limits import LEGS_MAX, REASON_CHARACTERS_MAX
from serve.wire.problems import ProblemBody

_Amount = Annotated[Amount, Meta(description="For payments of one leg; without an amount it is all that is left")]
_Legs = Annotated[
    list[Share], Meta(min_length=1, max_length=LEGS_MAX, description="For payments of several legs: an amount for each, or 0")
]
_Final = Annotated[bool, Meta(description="`false` keeps the rest held, for further captures; default `true`")]
_Reason = Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX, description="Why: kept for good")]
_Key = Annotated[str, Meta(description="1 to 255 visible ASCII characters")]
_PaymentId = Annotated[str, Meta(examples=["pay_01F2J7M1Z5Q00000000R200001"])]


class CaptureBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What to post of a hold. Nothing said: all of it."""

    amount: _Amount | UnsetType = UNSET
    legs: _Legs | UnsetType = UNSET
    final: _Final | UnsetType = UNSET


class VoidBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Nothing: an empty object, or no body at all."""


class RefundBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What to move back of what was captured. Nothing said: all that was not refunded before."""

    amount: _Amount | UnsetType = UNSET
    legs: _Legs | UnsetType = UNSET


class ReversalBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Why the payment was a mistake. All of it that was not refunded before is moved back."""

    reason: _Reason


class CaptureItemBody(CaptureBody, gc=False):
    """A capture of a batch: `idempotency_key` and `payment_id` are required."""

    payment_id: _PaymentId | UnsetType = UNSET
    idempotency_key: _Key | UnsetType = UNSET


class VoidItemBody(VoidBody, gc=False):
    """A void of a batch: `payment_id` is required."""

    payment_id: _PaymentId | UnsetType = UNSET
    idempotency_key: _Key | UnsetType = UNSET


class RefundItemBody(RefundBody, gc=False):
    """A refund of a batch: `idempotency_key` and `payment_id` are required."""

    payment_id: _PaymentId | UnsetType = UNSET
    idempotency_key: _Key | UnsetType = UNSET


class CapturesBody(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 10,000 captures. They do not disturb each other."""

    captures: list[CaptureItemBody]


class VoidsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 10,000 voids. They do not disturb each other."""

    voids: list[VoidItemBody]


class RefundsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 10,000 refunds. They do not disturb each other."""

    refunds: list[RefundItemBody]


class OperationBody(msgspec.Struct, frozen=True, gc=False, rename={"operation": "id"}):
    """What was done: `legs` are the amounts for each leg, `amount` is their sum (null if they are in several currencies)."""

    operation: Annotated[str, Meta(examples=["op_01F2J7M1Z5Q00000000R200001"])]
    kind: Literal["capture", "void", "refund", "reversal"]
    amount: Money | None
    legs: list[Money]
    created_at: Time
    reason: str | UnsetType = UNSET


class ChangedPaymentBody(
    PaymentBody, frozen=True, gc=False, rename={"from_account": "from", "to_account": "to", "payment": "id"}
):
    """A payment as it stood right after `operation`."""

    operation: OperationBody


class OperationResultBody(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one operation of a batch: `payment`, or else `problem`."""

    status: int
    replayed: bool | UnsetType = UNSET
    payment: ChangedPaymentBody | UnsetType = UNSET
    problem: ProblemBody | UnsetType = UNSET


class OperationResultsBody(msgspec.Struct, frozen=True):
    """Outcomes in the order of the operations."""

    results: list[OperationResultBody]
