"""A payment as published events tell it."""

from collections.abc import Iterable, Sequence
from typing import Literal

from processor.core.ids import payment_id
from processor.core.messages import Kind, PaymentStatus
from processor.creation import Created
from processor.eventlog.event import LegData, Operation, PaymentData

OPERATIONS: dict[Kind, Operation] = {
    Kind.PAYMENT: "payment",
    Kind.HOLD: "hold",
    Kind.CAPTURE: "capture",
    Kind.VOID: "void",
    Kind.EXPIRY: "expiry",
    Kind.REFUND: "refund",
    Kind.REVERSAL: "reversal",
}

Amounts = Sequence[int]
AnyStatus = PaymentStatus | Literal["pending", "refused"]


def payment_data(
    created: Created,
    place: tuple[int, int, int, int],
    status: AnyStatus,
    held: Amounts,
    captured: Amounts,
    refunded: Amounts,
) -> PaymentData:
    """Return the payment that was made at this place (time, shard, sequence, index); amounts are for each leg."""
    legs = created.legs
    if len(legs) == 1:
        leg = legs[0]
        source, target, currency, amount = leg.from_account, leg.to_account, leg.currency, leg.amount
        return PaymentData(
            payment_id(*place), status, source, target, amount, currency, (LegData(source, target, amount, currency),),
            "immediate" if created.expires_at is None else "hold", held[0], captured[0], refunded[0],
            created.expires_at, created.reference, created.metadata or {}, place[0],
        )  # fmt: skip
    only = _same([leg.currency for leg in legs])
    return PaymentData(
        payment_id(*place),
        status,
        _same([leg.from_account for leg in legs]),
        _same([leg.to_account for leg in legs]),
        _sum(only, (leg.amount for leg in legs)),
        only,
        tuple([LegData(leg.from_account, leg.to_account, leg.amount, leg.currency) for leg in legs]),
        "immediate" if created.expires_at is None else "hold",
        _sum(only, held),
        _sum(only, captured),
        _sum(only, refunded),
        created.expires_at,
        created.reference,
        created.metadata or {},
        place[0],
    )


def _same(values: list[str]) -> str | None:
    """Return what all values are, or None if they differ."""
    return values[0] if values.count(values[0]) == len(values) else None


def _sum(currency: str | None, amounts: Iterable[int]) -> int | None:
    """Return the sum of the legs' amounts, or None if they are not in one currency."""
    return sum(amounts) if currency else None
