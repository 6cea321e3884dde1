"""From a payment's body to the message that asks the ledger for it."""

import msgspec
from msgspec import UNSET

from processor.core.messages import Condition, Hold, Leg, Metadata, Pay, PayLegs
from processor.core.routing import shard_of
from serve.bodies.payments import PaymentRequestBody
from serve.bodies.values import whole
from serve.limits import HOLD_SECONDS_DEFAULT
from serve.payments.conditions import conditions_of, strings_of_conditions
from serve.payments.currencies import MINOR_UNIT_DIGITS
from serve.payments.idempotency import fingerprint, key_digest
from serve.payments.identity import Creation
from serve.wire.problems import FieldError, Problem, field_problem
from serve.wire.strict_json import AMOUNT_RULE, decode

_decoder = msgspec.json.Decoder(PaymentRequestBody)
_SINGLE = ("from", "to", "amount", "currency")


def parse_payment(data: bytes) -> PaymentRequestBody:
    """Return the body of one payment. Raises Problem."""
    return decode(_decoder, data, strings_of)


def strings_of(body: PaymentRequestBody) -> int:
    """Return how many JSON strings (names and values) the body was made of."""
    count = 0
    if body.from_account is not UNSET:
        count = 2
    if body.to_account is not UNSET:
        count += 2
    if body.amount is not UNSET:
        count += 2 if type(body.amount) is str else 1
    if body.currency is not UNSET:
        count += 2
    if body.legs is not UNSET:
        count += 1
        for leg in body.legs:
            count += 8 if type(leg.amount) is str else 7
    if body.mode is not UNSET:
        count += 2
    if body.expires_in_seconds is not UNSET:
        count += 1
    if body.balance_conditions is not UNSET:
        count += strings_of_conditions(body.balance_conditions)
    if body.reference is not UNSET:
        count += 1 if body.reference is None else 2
    if body.metadata is not UNSET:
        count += 1 if body.metadata is None else 1 + 2 * len(body.metadata)
    return count


def message_of(body: PaymentRequestBody, key: str, shards: int, version: int | None = None) -> Creation:
    """Return the message to the shard of the first `from` account, whose version must be `version`. Raises Problem."""
    if body.legs is UNSET:
        legs: tuple[Leg, ...] = (_single_leg(body),)
    else:
        legs = _legs(body)
    reference = None if body.reference is UNSET else body.reference
    metadata = dict(sorted(body.metadata.items())) if body.metadata else None
    conditions = None if body.balance_conditions is UNSET else conditions_of(body.balance_conditions, legs)
    first = legs[0]
    shard = shard_of(first.from_account, shards)
    digest = key_digest(first.from_account, key)
    if body.mode == "hold":
        return _hold(body, shard, digest, legs, reference, metadata, conditions, version)
    if body.expires_in_seconds is not UNSET:
        raise field_problem("invalid_body", "/expires_in_seconds", "only a hold expires; leave it out, or set `mode` to `hold`")
    content = fingerprint("immediate", legs, reference, metadata, None, conditions)
    if len(legs) > 1:
        return PayLegs(shard, digest, content, legs, reference, metadata, conditions, version)
    return Pay(
        shard, digest, content, first.from_account, first.to_account, first.amount, first.currency, reference, metadata,
        conditions, version,
    )  # fmt: skip


def _hold(
    body: PaymentRequestBody, shard: int, digest: bytes, legs: tuple[Leg, ...], reference: str | None,
    metadata: Metadata | None, conditions: tuple[Condition, ...] | None, version: int | None,
) -> Hold:  # fmt: skip
    seconds = HOLD_SECONDS_DEFAULT if body.expires_in_seconds is UNSET else body.expires_in_seconds
    content = fingerprint("hold", legs, reference, metadata, seconds, conditions)
    return Hold(shard, digest, content, legs, seconds * 1_000_000, reference, metadata, conditions, version)


def _single_leg(body: PaymentRequestBody) -> Leg:
    source, target, amount, currency = body.from_account, body.to_account, body.amount, body.currency
    if source is UNSET or target is UNSET or amount is UNSET or currency is UNSET:
        members = dict(zip(_SINGLE, (source, target, amount, currency), strict=True))
        missing = [FieldError("this member is required", f"/{name}") for name in _SINGLE if members[name] is UNSET]
        raise Problem("invalid_body", "A payment needs `from`, `to`, `amount` and `currency`, or `legs`.", errors=missing)
    return _leg(source, target, amount, currency)


def _legs(body: PaymentRequestBody) -> tuple[Leg, ...]:
    members = dict(zip(_SINGLE, (body.from_account, body.to_account, body.amount, body.currency), strict=True))
    mixed = [FieldError("not together with `legs`", f"/{name}") for name in _SINGLE if members[name] is not UNSET]
    if mixed:
        raise Problem("invalid_body", "A payment has either `legs` or `from`, `to`, `amount` and `currency`.", errors=mixed)
    assert not isinstance(body.legs, msgspec.UnsetType)
    return tuple(
        _leg(leg.from_account, leg.to_account, leg.amount, leg.currency, f"/legs/{index}") for index, leg in enumerate(body.legs)
    )


def _leg(source: str, target: str, amount: int | str, currency: str, prefix: str = "") -> Leg:
    number = amount if type(amount) is int else whole(amount)
    if number is None:
        raise field_problem("invalid_amount", f"{prefix}/amount", AMOUNT_RULE)
    if currency not in MINOR_UNIT_DIGITS:
        raise unknown_currency(currency, prefix)
    return Leg(source, target, number, currency)


def unknown_currency(currency: str, prefix: str = "") -> Problem:
    """Return the problem of a currency that cannot be used."""
    detail = f"`{currency[:12]}` is not an upper-case ISO 4217 code with a minor unit, such as EUR"
    return field_problem("unknown_currency", f"{prefix}/currency", detail)
