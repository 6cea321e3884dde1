"""From the ledger's answer to what the client is told. A replay gives the same bytes as the first answer.

Therefore everything in a body comes from the message and from what the ledger remembers. A refusal's `request_id` too: it is
made of the payment's id, and Request-Id repeats it unless the client chose its own.
"""

from msgspec import UNSET

from processor.core.ids import payment_id
from processor.core.messages import Leg, Pay, PayLegs, PaymentAnswer
from processor.core.results import Result
from serve.bodies.payments import PaymentBody, PaymentLegBody
from serve.bodies.values import AsOf, money
from serve.consistency import token_header
from serve.ledger import LedgerError, OutcomeUnknown, Overloaded, RecordedPayment, ShardUnavailable
from serve.wire.answer import Answer, Header, encode_json
from serve.wire.problems import Problem, retry_after
from serve.wire.timestamps import rfc3339

_REPLAYED: Header = (b"idempotency-replayed", b"true")
_RETRY_SECONDS = 1.0


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


def legs_of(message: Pay | PayLegs) -> tuple[Leg, ...]:
    """Return the legs of either kind of payment."""
    if isinstance(message, PayLegs):
        return message.legs
    return (Leg(message.from_account, message.to_account, message.amount, message.currency),)


def identity_of(message: Pay | PayLegs, answer: PaymentAnswer) -> str:
    """Return the payment's id."""
    return payment_id(answer.at, message.shard, answer.sequence, answer.index)


def payment_answer(message: Pay | PayLegs, answer: PaymentAnswer) -> Answer:
    """Return the HTTP answer to one payment. Raises Problem if it was refused."""
    token = token_header(((message.shard, answer.as_of), *answer.others))
    if answer.result != Result.ACCEPTED:
        raise refusal(message, answer, token)
    identity = identity_of(message, answer)
    location = (b"location", f"/v1/payments/{identity}".encode())
    headers = (location, token, _REPLAYED) if answer.replayed else (location, token)
    return Answer(201, encode_json(payment_body(message, answer, identity)), headers)


def recorded_body(recorded: RecordedPayment) -> PaymentBody:
    """Return a payment that is read back; one that was refused says why."""
    message, answer = recorded.message, recorded.answer
    body = payment_body(message, answer, identity_of(message, answer))
    refused = answer.result != Result.ACCEPTED
    return PaymentBody(
        body.payment, "refused" if refused else body.status, body.from_account, body.to_account, body.amount, body.currency, body.legs,
        body.mode, 0 if refused and body.captured is not None else body.captured, body.refunded, body.reference, body.metadata,
        body.created_at, AsOf(message.shard, recorded.sequence), answer.result.code if refused else UNSET,
    )  # fmt: skip


def refusal(message: Pay | PayLegs, answer: PaymentAnswer, *headers: Header) -> Problem:
    """Return the problem that tells which account of which leg was refused, and what to do. It never tells a balance."""
    result = answer.result
    if result == Result.SHARD_UNAVAILABLE:
        detail = "A shard that the payment needs is between hosts. Nothing was done; send it again with the same key."
        return Problem("shard_unavailable", detail, headers=retry_after(_RETRY_SECONDS))
    identity = identity_of(message, answer)
    if result == Result.IDEMPOTENCY_KEY_REUSED:
        detail = "This idempotency key belongs to another request of this `from` account; send a new payment with a new key."
        return Problem(result.code, detail, headers=headers, payment_id=identity)
    detail = f"{_reason(message, answer)} The refusal is remembered: after mending the cause, send the payment with a new key."
    replayed = (_REPLAYED,) if answer.replayed else ()
    return Problem(
        result.code, detail, headers=(*headers, *replayed), payment_id=identity, request_id=f"req_{identity.removeprefix('pay_')}"
    )


def _reason(message: Pay | PayLegs, answer: PaymentAnswer) -> str:
    legs = legs_of(message)
    index, side = divmod(answer.where, 2)
    leg = legs[index]
    account = leg.to_account if side else leg.from_account
    place = f"`{'to' if side else 'from'}`" + (f" of leg {index + 1}" if len(legs) > 1 else "")
    match answer.result:
        case Result.ACCOUNT_NOT_FOUND:
            return f"There is no account {account} ({place}); open it first."
        case Result.ACCOUNT_CLOSED:
            return f"Account {account} ({place}) is closed; use another."
        case Result.ACCOUNT_FROZEN:
            return f"Account {account} ({place}) is frozen; unfreeze it first."
        case Result.CURRENCY_MISMATCH:
            return f"Account {account} ({place}) does not hold {leg.currency}; use the account's own currency."
        case Result.SAME_ACCOUNT:
            return f"Account {account} is both `from` and `to`; name two accounts."
        case Result.INSUFFICIENT_FUNDS:
            return (
                f"Account {account} ({place}) has less than {leg.amount} {leg.currency} (minor units) available; fund it first."
            )
        case Result.LIMIT_EXCEEDED:
            return f"Account {account} ({place}) may not hold {leg.amount} {leg.currency} (minor units) more; raise no more than it may hold."
    raise TypeError(f"the ledger refused a payment with {answer.result!r}")


def ledger_problem(error: LedgerError) -> Problem:
    """Return the problem that tells why the ledger has no answer."""
    match error:
        case Overloaded():
            detail = "Too many requests are waiting. Nothing was done; send it again later, a payment with the same key."
            return Problem("overloaded", detail, headers=retry_after(error.retry_after_seconds))
        case ShardUnavailable():
            detail = f"Shard {error.shard} is between hosts. Nothing was done; send it again, a payment with the same key."
            return Problem("shard_unavailable", detail, headers=retry_after(error.retry_after_seconds))
        case OutcomeUnknown():
            return Problem(
                "outcome_unknown", "The outcome is not known; send the same request again, a payment with the same key."
            )
    raise TypeError(f"{type(error).__name__} is not for clients") from error
