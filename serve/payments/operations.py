"""From the body of a capture, void, refund or reversal to the message that asks the ledger for it."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET

from processor.core.ids import Place, parse_payment_id
from processor.core.messages import Capture, Refund, Void
from serve.bodies.payment_operations import CaptureBody, RefundBody, ReversalBody, VoidBody
from serve.bodies.values import whole
from serve.payments.idempotency import operation_fingerprint, operation_key_digest
from serve.payments.identity import Operation
from serve.wire.problems import Problem, field_problem
from serve.wire.strict_json import AMOUNT_RULE, Decoder, decode

Kind = Literal["capture", "void", "refund", "reversal"]
OperationRequest = CaptureBody | VoidBody | RefundBody | ReversalBody
_EMPTY = b"{}"
_decoders: dict[Kind, Decoder[OperationRequest]] = {
    "capture": msgspec.json.Decoder(CaptureBody),
    "void": msgspec.json.Decoder(VoidBody),
    "refund": msgspec.json.Decoder(RefundBody),
    "reversal": msgspec.json.Decoder(ReversalBody),
}


def parse_operation(kind: Kind, data: bytes) -> OperationRequest:
    """Return the body; no bytes at all stand for an empty object. Raises Problem."""
    return decode(_decoders[kind], data or _EMPTY, strings_of_operation)


def strings_of_operation(body: OperationRequest) -> int:
    """Return how many JSON strings (names and values) the body was made of."""
    count = 0
    for name in body.__struct_fields__:
        value: Any = getattr(body, name)
        if value is UNSET:
            continue
        count += 2 if type(value) is str else 1
        if type(value) is list:
            count += sum(type(amount) is str for amount in value)
    return count


def place_of(identity: str, shards: int) -> Place:
    """Return where the payment was made. Raises Problem if no payment of this ledger can have this id."""
    place = parse_payment_id(identity)
    if place is None or place.shard >= shards:
        raise not_found(identity)
    return place


def not_found(identity: str) -> Problem:
    """Return the problem of a payment that does not exist."""
    return Problem("payment_not_found", f"There is no payment {identity[:64]!r}; correct the id.")


def operation_of(kind: Kind, body: OperationRequest, place: Place, identity: str, key: str | None) -> Operation:
    """Return the message to the payment's home shard. Raises Problem."""
    amounts = _amounts(body) if isinstance(body, CaptureBody | RefundBody) else None
    final = not isinstance(body, CaptureBody) or body.final is UNSET or body.final
    reason = body.reason if isinstance(body, ReversalBody) else None
    digest = operation_key_digest(identity, kind, key)
    content = operation_fingerprint(kind, amounts, final, reason)
    where = (place.shard, place.at, place.sequence, place.index)
    match kind:
        case "capture":
            return Capture(*where, digest, content, amounts, final)
        case "void":
            return Void(*where, digest, content)
    return Refund(*where, digest, content, amounts, reason)


def _amounts(body: CaptureBody | RefundBody) -> tuple[int, ...] | None:
    """Return an amount for each leg, or None for all that is left."""
    if body.amount is not UNSET and body.legs is not UNSET:
        raise field_problem("invalid_body", "/amount", "not together with `legs`; leave one of them out")
    if body.legs is not UNSET:
        amounts = tuple(_number(amount, f"/legs/{index}") for index, amount in enumerate(body.legs))
        if not any(amounts):
            raise field_problem("invalid_amount", "/legs", "at least one leg needs an amount above 0")
        return amounts
    return None if body.amount is UNSET else (_number(body.amount, "/amount"),)


def _number(value: int | str, pointer: str) -> int:
    number = whole(value)
    if number is None:
        raise field_problem("invalid_amount", pointer, AMOUNT_RULE)
    return number


def kind_of(message: Operation) -> Kind:
    """Return what the message asks for."""
    match message:
        case Capture():
            return "capture"
        case Void():
            return "void"
    return "refund" if message.reason is None else "reversal"
