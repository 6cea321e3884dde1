"""What a payment is known by: its id, its legs, and whether its answer is a repetition."""

from processor.core.ids import payment_id
from processor.core.messages import Leg, Pay, PayLegs, PaymentAnswer
from serve.wire.answer import Header

REPLAYED: Header = (b"idempotency-replayed", b"true")


def legs_of(message: Pay | PayLegs) -> tuple[Leg, ...]:
    """Return the legs of either kind of payment."""
    if isinstance(message, PayLegs):
        return message.legs
    return (Leg(message.from_account, message.to_account, message.amount, message.currency),)


def identity_of(message: Pay | PayLegs, answer: PaymentAnswer) -> str:
    """Return the payment's id."""
    return payment_id(answer.at, message.shard, answer.sequence, answer.index)
