"""From a payment as it stands to its body."""

from collections.abc import Iterable

from processor.core.ids import payment_id
from processor.core.messages import PaymentView
from processor.wire_values import money, rfc3339
from serve.bodies.payments import PaymentBody, PaymentLegBody
from serve.bodies.values import AsOf


def view_body(shard: int, view: PaymentView, identity: str | None = None) -> PaymentBody:
    """Return the payment; `shard` is its home, `identity` its id if the caller has it at hand."""
    legs = view.legs
    currency = same([leg.currency for leg in legs])
    return PaymentBody(
        payment=identity or payment_id(view.at, shard, view.sequence, view.index),
        status=view.status,
        from_account=same([leg.from_account for leg in legs]),
        to_account=same([leg.to_account for leg in legs]),
        amount=total(currency, (leg.amount for leg in legs)),
        currency=currency,
        legs=[PaymentLegBody(leg.from_account, leg.to_account, money(leg.amount), leg.currency) for leg in legs],
        mode="immediate" if view.expires_at is None else "hold",
        held=total(currency, view.held),
        captured=total(currency, view.captured),
        refunded=total(currency, view.refunded),
        expires_at=None if view.expires_at is None else rfc3339(view.expires_at),
        reference=view.reference,
        metadata=view.metadata or {},
        created_at=rfc3339(view.at),
        as_of=AsOf(shard, view.changed),
    )


def total(currency: str | None, amounts: Iterable[int]) -> int | str | None:
    """Return the sum of the legs' amounts, or None if they are not in one currency."""
    return money(sum(amounts)) if currency else None


def same(values: list[str]) -> str | None:
    """Return what all values are, or None if they differ."""
    return values[0] if values.count(values[0]) == len(values) else None
