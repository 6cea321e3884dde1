"""Published events written by hand, for tests of what carries them."""

from collections.abc import Sequence

from processor.core.ids import payment_id
from processor.eventlog.event import AboutPayment, LegData, Operation, PaymentData, PublishedEvent

START = 1_790_000_000_000_000
"""In microseconds since 1970: a day in 2026."""


def leg(source: str, target: str, amount: int = 100, currency: str = "EUR") -> LegData:
    """One movement."""
    return LegData(source, target, amount, currency)


def payment_event(
    shard: int,
    sequence: int,
    index: int,
    legs: Sequence[LegData],
    status: str = "succeeded",
    operation: Operation = "payment",
    of: PublishedEvent | None = None,
    at: int = START,
    **more: object,
) -> PublishedEvent:
    """Return an event about a payment, which is made by it unless it is `of` an earlier event's; `more`: fields of PaymentData."""
    if of is not None:
        assert isinstance(of.data, AboutPayment)
        first = of.data.payment
        identity, created_at, legs = first.id, first.created_at, first.legs
    else:
        identity, created_at = payment_id(at, shard, sequence, index), at
    only = legs[0] if len(legs) == 1 else None
    members: dict[str, object] = {
        "from_account": only and only.from_account, "to_account": only and only.to_account,
        "amount": sum(each.amount for each in legs), "currency": legs[0].currency, "mode": "immediate",
        "held": 0, "captured": 0, "refunded": 0, "expires_at": None, "reference": None, "metadata": {},
    } | more  # fmt: skip
    payment = PaymentData(id=identity, status=status, legs=tuple(legs), created_at=created_at, **members)  # type: ignore[arg-type]
    data = AboutPayment(operation, payment, tuple(each.amount for each in legs), None, (), ())
    return PublishedEvent(shard, sequence, index, at, f"payment.{status}", identity, (), data)
