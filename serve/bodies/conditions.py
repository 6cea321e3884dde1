"""What must be true of an account's balances for a payment to be made."""

import msgspec
from msgspec import UNSET, UnsetType

from serve.bodies.values import AccountId, Bound


class ComparisonBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What a balance is compared with, in minor units; at least one member, and all must be true."""

    gte: Bound | UnsetType = UNSET
    gt: Bound | UnsetType = UNSET
    lte: Bound | UnsetType = UNSET
    lt: Bound | UnsetType = UNSET
    eq: Bound | UnsetType = UNSET


class BalanceConditionBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An account of the payment and at least one of its balances, as they stand before the payment."""

    account: AccountId
    posted: ComparisonBody | UnsetType = UNSET
    pending_in: ComparisonBody | UnsetType = UNSET
    pending_out: ComparisonBody | UnsetType = UNSET
    available: ComparisonBody | UnsetType = UNSET
