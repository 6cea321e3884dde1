"""What payments and operations are known by: ids, legs, and whether an answer is a repetition."""

from processor.core.ids import PREFIX, payment_id
from processor.core.messages import Capture, Hold, Leg, OperationAnswer, Pay, PayLegs, PaymentAnswer, Refund, Void
from serve.wire.answer import Header

REPLAYED: Header = (b"idempotency-replayed", b"true")
Creation = Pay | PayLegs | Hold
"""What makes a payment."""
Operation = Capture | Void | Refund
"""What is done to one later."""


def legs_of(message: Creation) -> tuple[Leg, ...]:
    """Return the legs of any kind of payment."""
    if isinstance(message, Pay):
        return (Leg(message.from_account, message.to_account, message.amount, message.currency),)
    return message.legs


def identity_of(message: Creation, answer: PaymentAnswer) -> str:
    """Return the payment's id."""
    return payment_id(answer.at, message.shard, answer.sequence, answer.index)


def operation_id_of(message: Operation, answer: OperationAnswer) -> str:
    """Return the operation's id: its own place in the journal."""
    return "op_" + payment_id(answer.at, message.shard, answer.sequence, answer.index).removeprefix(PREFIX)


def payment_id_of(message: Operation) -> str:
    """Return the id of the payment that the operation is about."""
    return payment_id(message.at, message.shard, message.sequence, message.index)
