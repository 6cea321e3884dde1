"""From the ledger's answer to what the client is told. A replay gives the same bytes as the first answer.

Therefore everything in a body comes from the message and from what the ledger remembers. A refusal's `request_id` too: it is
made of the payment's id, and Request-Id repeats it unless the client chose its own.
"""

from processor.core.messages import Hold, Leg, Pay, PaymentAnswer, PaymentView
from processor.core.results import Result
from processor.wire_values import money, rfc3339
from serve.bodies.payments import PaymentBody, PaymentLegBody
from serve.bodies.values import AsOf
from serve.consistency import token_header
from serve.payments.identity import REPLAYED, Creation, identity_of, legs_of
from serve.payments.refusals import refusal
from serve.payments.views import view_body
from serve.wire.answer import Answer, encode_json


def payment_body(message: Creation, answer: PaymentAnswer, identity: str) -> PaymentBody:
    """Return an accepted payment whose id is `identity`."""
    if type(message) is not Pay:
        return view_body(message.shard, _made(message, answer), identity)
    source, target, currency, amount = message.from_account, message.to_account, message.currency, money(message.amount)
    return PaymentBody(
        identity, "succeeded", source, target, amount, currency, [PaymentLegBody(source, target, amount, currency)], "immediate",
        0, amount, 0, None, message.reference, message.metadata or {}, rfc3339(answer.at), AsOf(message.shard, answer.as_of),
    )  # fmt: skip


def _made(message: Creation, answer: PaymentAnswer) -> PaymentView:
    """Return the payment as it stood when it was made."""
    legs: tuple[Leg, ...] = legs_of(message)
    amounts, nothing = tuple(leg.amount for leg in legs), (0,) * len(legs)
    place = (answer.at, answer.sequence, answer.index)
    if isinstance(message, Hold):
        expires_at = answer.at + message.lasts_microseconds
        return PaymentView(
            *place, "held", legs, amounts, nothing, nothing, expires_at, message.reference, message.metadata, answer.as_of
        )
    return PaymentView(
        *place, "succeeded", legs, nothing, amounts, nothing, None, message.reference, message.metadata, answer.as_of
    )


def payment_answer(message: Creation, answer: PaymentAnswer) -> Answer:
    """Return the HTTP answer to one payment. Raises Problem if it was refused."""
    token = token_header(((message.shard, answer.as_of), *answer.others))
    if answer.result != Result.ACCEPTED:
        raise refusal(message, answer, token)
    identity = identity_of(message, answer)
    location = (b"location", f"/v1/payments/{identity}".encode())
    headers = (location, token, REPLAYED) if answer.replayed else (location, token)
    return Answer(201, encode_json(payment_body(message, answer, identity)), headers)
