"""Many payments in one request: read as a whole if all are well formed, else one by one, so that a bad one harms only itself."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from processor.core.messages import AnyAnswer, PaymentAnswer
from processor.core.results import Result
from serve.acknowledged import Acknowledged
from serve.bodies.payments import BatchItemBody, BatchRequestBody, BatchResultBody, BatchResultsBody
from serve.consistency import newest, token_header
from serve.ledger import LedgerError, OutcomeUnknown, expect
from serve.payments.idempotency import key_of_item
from serve.payments.identity import Creation, identity_of
from serve.payments.instructions import message_of, strings_of
from serve.payments.items import check_count, items_of
from serve.payments.outcomes import payment_body
from serve.payments.refusals import ledger_problem, refusal
from serve.wire.answer import Answer, encode_json
from serve.wire.problems import Problem
from serve.wire.strict_json import decode, has_nul, strings_in

Instruction = Creation | Problem
"""What an item asks of the ledger, or why it cannot be asked."""

_whole = msgspec.json.Decoder(BatchRequestBody)
_item = msgspec.json.Decoder(BatchItemBody)


def parse_batch(data: bytes, shards: int) -> list[Instruction]:
    """Return one instruction for every item, in order. Raises Problem if the batch as a whole cannot be read."""
    try:
        items = _whole.decode(data).payments
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _one_by_one(data, shards)
    check_count(len(items))
    if strings_in(data) != 1 + sum(map(_strings_of_item, items)) or has_nul(data):
        return _one_by_one(data, shards)
    return [_instruction(item, shards, index) for index, item in enumerate(items)]


def _one_by_one(data: bytes, shards: int) -> list[Instruction]:
    return [_parsed(item, shards, index) for index, item in enumerate(items_of(data, "payments"))]


def _parsed(data: bytes, shards: int, index: int) -> Instruction:
    try:
        item = decode(_item, data, _strings_of_item)
    except Problem as problem:
        return problem.within(f"/payments/{index}")
    return _instruction(item, shards, index)


def _instruction(item: BatchItemBody, shards: int, index: int) -> Instruction:
    try:
        return message_of(item, key_of_item(item.idempotency_key), shards)
    except Problem as problem:
        return problem.within(f"/payments/{index}")


def _strings_of_item(item: BatchItemBody) -> int:
    return strings_of(item) + (0 if item.idempotency_key is UNSET else 2)


def batch_answer(
    acknowledged: Acknowledged,
    instructions: list[Instruction],
    answers: list[AnyAnswer | LedgerError],
    request_id: str,
    minimal: bool,
) -> Answer:
    """Return the HTTP answer. `answers` belong to the instructions that are messages, in order.

    Raises Problem if the ledger took none of them: then the whole batch is to be sent again.
    """
    require_any_outcome(answers)
    following = iter(answers)
    results = [
        _refused(instruction, request_id)
        if isinstance(instruction, Problem)
        else result_of(instruction, next(following), request_id, minimal)
        for instruction in instructions
    ]
    positions = _positions(instructions, answers)
    acknowledged.note(positions)
    return Answer(200, encode_json(BatchResultsBody(results)), (token_header(positions),) if positions else ())


def require_any_outcome(answers: Sequence[AnyAnswer | LedgerError]) -> None:
    """Raise Problem if these are nothing but errors."""
    if answers and all(isinstance(answer, LedgerError) for answer in answers):
        unknown = next((answer for answer in answers if isinstance(answer, OutcomeUnknown)), answers[0])
        raise ledger_problem(expect(unknown, LedgerError))


def result_of(message: Creation, answer: AnyAnswer | LedgerError, request_id: str, minimal: bool) -> BatchResultBody:
    """Return the outcome of one payment of a batch."""
    if isinstance(answer, LedgerError):
        return _refused(ledger_problem(answer), request_id)
    answer = expect(answer, PaymentAnswer)
    if answer.result != Result.ACCEPTED:
        return _refused(refusal(message, answer), request_id, answer.replayed)
    identity = identity_of(message, answer)
    if minimal:
        return BatchResultBody(201, answer.replayed or UNSET, payment_id=identity)
    return BatchResultBody(201, answer.replayed, payment_body(message, answer, identity))


def _refused(problem: Problem, request_id: str, replayed: bool = False) -> BatchResultBody:
    return BatchResultBody(problem.status, replayed or UNSET, problem=problem.body(request_id))


def _positions(instructions: list[Instruction], answers: list[AnyAnswer | LedgerError]) -> list[tuple[int, int]]:
    """Return the newest position on every shard that the batch has touched."""
    messages = (instruction for instruction in instructions if not isinstance(instruction, Problem))
    seen: set[tuple[int, int]] = set()
    for message, answer in zip(messages, answers, strict=True):
        if isinstance(answer, PaymentAnswer):
            seen.add((message.shard, answer.as_of))
            seen.update(answer.others)
    return newest(seen)
