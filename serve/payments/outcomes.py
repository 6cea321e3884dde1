"""From the ledger's answer to what the client is told. A replay gives the same bytes as the first answer.

Therefore everything in a body comes from the message and from what the ledger remembers. A refusal's `request_id` too: it is
made of the payment's id, and Request-Id repeats it unless the client chose its own.
"""

import msgspec

from processor.core.messages import Pay, PayLegs, PaymentAnswer
from processor.core.results import Result
from serve.bodies.payments import PaymentBody, PaymentLegBody
from serve.bodies.values import AsOf, money
from serve.consistency import token_header
from serve.ledger import RecordedPayment
from serve.payments.identity import REPLAYED, identity_of, legs_of
from serve.payments.refusals import refusal
from serve.wire.answer import Answer, encode_json
from serve.wire.timestamps import rfc3339


def payment_body(message: Pay | PayLegs, answer: PaymentAnswer, identity: str) -> PaymentBody:
    """Return an accepted payment whose id is `identity`."""
    created_at, as_of = rfc3339(answer.at), AsOf(message.shard, answer.as_of)
    metadata = message.metadata or {}
    if type(message) is Pay:
        source, target, currency, amount = message.from_account, message.to_account, message.currency, money(message.amount)
        legs = [PaymentLegBody(source, target, amount, currency)]
        return PaymentBody(
            identity, "succeeded", source, target, amount, currency, legs, "immediate", amount, 0,
            message.reference, metadata, created_at, as_of,
        )  # fmt: skip
    return _several_legs(message, identity, metadata, created_at, as_of)


def _several_legs(message: Pay | PayLegs, identity: str, metadata: dict[str, str], created_at: str, as_of: AsOf) -> PaymentBody:
    legs = legs_of(message)
    currency = _same([leg.currency for leg in legs])
    amount = money(sum(leg.amount for leg in legs)) if currency else None
    return PaymentBody(
        payment=identity,
        status="succeeded",
        from_account=_same([leg.from_account for leg in legs]),
        to_account=_same([leg.to_account for leg in legs]),
        amount=amount,
        currency=currency,
        legs=[PaymentLegBody(leg.from_account, leg.to_account, money(leg.amount), leg.currency) for leg in legs],
        mode="immediate",
        captured=amount,
        refunded=0 if currency else None,
        reference=message.reference,
        metadata=metadata,
        created_at=created_at,
        as_of=as_of,
    )


def _same(values: list[str]) -> str | None:
    return values[0] if values.count(values[0]) == len(values) else None


def payment_answer(message: Pay | PayLegs, answer: PaymentAnswer) -> Answer:
    """Return the HTTP answer to one payment. Raises Problem if it was refused."""
    token = token_header(((message.shard, answer.as_of), *answer.others))
    if answer.result != Result.ACCEPTED:
        raise refusal(message, answer, token)
    identity = identity_of(message, answer)
    location = (b"location", f"/v1/payments/{identity}".encode())
    headers = (location, token, REPLAYED) if answer.replayed else (location, token)
    return Answer(201, encode_json(payment_body(message, answer, identity)), headers)


def recorded_body(recorded: RecordedPayment) -> PaymentBody:
    """Return a payment that is read back."""
    body = payment_body(recorded.message, recorded.answer, identity_of(recorded.message, recorded.answer))
    return msgspec.structs.replace(body, as_of=AsOf(recorded.message.shard, recorded.sequence))
