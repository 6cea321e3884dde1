"""Many captures, voids or refunds in one request: each read, carried out and answered by itself, in order."""

from collections.abc import Iterator
from typing import TypeGuard

import msgspec
from msgspec import UNSET

from processor.core.messages import AnyAnswer, OperationAnswer
from processor.core.results import Result
from serve.acknowledged import Acknowledged
from serve.bodies.payment_operations import (
    CaptureItemBody,
    ChangedPaymentBody,
    OperationResultBody,
    OperationResultsBody,
    RefundItemBody,
    VoidItemBody,
)
from serve.consistency import newest, token_header
from serve.ledger import Ledger, LedgerError, OutcomeUnknown, expect
from serve.payments.changes import changed_payments, status_of
from serve.payments.idempotency import key_of_item
from serve.payments.identity import Operation
from serve.payments.items import items_of
from serve.payments.operation_refusals import operation_refusal
from serve.payments.operations import Kind, operation_of, place_of, strings_of_operation
from serve.payments.refusals import ledger_problem
from serve.wire.answer import Answer, encode_json
from serve.wire.problems import Problem, field_problem
from serve.wire.strict_json import Decoder, decode

Request = Operation | Problem
"""What an item asks of the ledger, or why it cannot be asked."""
_Item = CaptureItemBody | VoidItemBody | RefundItemBody
_decoders: dict[Kind, Decoder[_Item]] = {
    "capture": msgspec.json.Decoder(CaptureItemBody),
    "void": msgspec.json.Decoder(VoidItemBody),
    "refund": msgspec.json.Decoder(RefundItemBody),
}


def parse_operations(kind: Kind, data: bytes, shards: int) -> list[Request]:
    """Return what each item asks, in order. Raises Problem if the request as a whole cannot be read."""
    member = f"{kind}s"
    return [_parsed(kind, item, shards, f"/{member}/{index}") for index, item in enumerate(items_of(data, member))]


def _parsed(kind: Kind, data: bytes, shards: int, pointer: str) -> Request:
    try:
        item = decode(_decoders[kind], data, strings_of_operation)
        identity = item.payment_id
        if identity is UNSET:
            raise field_problem("invalid_body", "/payment_id", "this member is required")
        key = None if kind == "void" and item.idempotency_key is UNSET else key_of_item(item.idempotency_key)
        return operation_of(kind, item, place_of(identity, shards), identity, key)
    except Problem as problem:
        return problem.within(pointer)


async def operations_answer(
    ledger: Ledger,
    acknowledged: Acknowledged,
    requests: list[Request],
    answers: list[AnyAnswer | LedgerError],
    request_id: str,
) -> Answer:
    """Return the HTTP answer. `answers` belong to the requests that are messages, in order.

    Raises Problem if the ledger took none of them: then the whole batch is to be sent again. Raises LedgerError.
    """
    if answers and all(isinstance(answer, LedgerError) for answer in answers):
        unknown = next((answer for answer in answers if isinstance(answer, OutcomeUnknown)), answers[0])
        raise ledger_problem(expect(unknown, LedgerError))
    messages = [request for request in requests if not isinstance(request, Problem)]
    asked = list(zip(messages, answers, strict=True))
    accepted = [(message, answer) for message, answer in asked if _is_accepted(answer)]
    bodies = iter(await changed_payments(ledger, accepted))
    following = iter(asked)
    results = [
        _refused(request, request_id) if isinstance(request, Problem) else _result(*next(following), bodies, request_id)
        for request in requests
    ]
    positions = _positions(asked)
    acknowledged.note(positions)
    return Answer(200, encode_json(OperationResultsBody(results)), (token_header(positions),) if positions else ())


def _is_accepted(answer: AnyAnswer | LedgerError) -> TypeGuard[OperationAnswer]:
    return isinstance(answer, OperationAnswer) and answer.result == Result.ACCEPTED


def _result(
    message: Operation, answer: AnyAnswer | LedgerError, bodies: Iterator[ChangedPaymentBody], request_id: str
) -> OperationResultBody:
    if isinstance(answer, LedgerError):
        return _refused(ledger_problem(answer), request_id)
    answer = expect(answer, OperationAnswer)
    if answer.result == Result.ACCEPTED:
        return OperationResultBody(status_of(message), answer.replayed, next(bodies))
    return _refused(operation_refusal(message, answer), request_id, answer.replayed)


def _refused(problem: Problem, request_id: str, replayed: bool = False) -> OperationResultBody:
    return OperationResultBody(problem.status, replayed or UNSET, problem=problem.body(request_id))


def _positions(asked: list[tuple[Operation, AnyAnswer | LedgerError]]) -> list[tuple[int, int]]:
    """Return the newest position on every shard that the batch has touched."""
    seen: set[tuple[int, int]] = set()
    for message, answer in asked:
        if isinstance(answer, OperationAnswer):
            seen.add((message.shard, answer.as_of))
            seen.update(answer.others)
    return newest(seen)
