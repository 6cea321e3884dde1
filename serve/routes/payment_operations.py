"""What is done to a payment after it was made: capture, void, refund, reversal; one or many."""

from processor.core.messages import AnyMessage, OperationAnswer
from serve.bodies.payment_operations import (
    CaptureBody,
    CapturesBody,
    ChangedPaymentBody,
    OperationResultsBody,
    RefundBody,
    RefundsBody,
    ReversalBody,
    VoidBody,
    VoidsBody,
)
from serve.ledger import expect
from serve.payments.bulk_operations import operations_answer, parse_operations
from serve.payments.changes import operation_answer
from serve.payments.idempotency import checked_key, key_of_headers
from serve.payments.operations import Kind, operation_of, parse_operation, place_of
from serve.routes.route import BODY_PROBLEMS, IDEMPOTENCY_KEY, LEDGER_PROBLEMS, Parameter, Route
from serve.wire.answer import Answer
from serve.wire.problems import Problem
from serve.wire.request import Request


async def _operate(request: Request, kind: Kind, key: str | None) -> Answer:
    identity, site = request.parameter, request.site
    place = place_of(identity, site.ledger.shards)
    message = operation_of(kind, parse_operation(kind, await request.body()), place, identity, key)
    answer = expect(await site.submissions.ask(site.ledger, message), OperationAnswer)
    site.metrics.count_operation(kind, answer)
    site.acknowledged.note(((message.shard, answer.as_of), *answer.others))
    return await operation_answer(site.ledger, message, answer)


async def capture_payment(request: Request) -> Answer:
    """Post what a payment holds, or part of it."""
    return await _operate(request, "capture", key_of_headers(request.headers))


async def void_payment(request: Request) -> Answer:
    """Release what a payment still holds."""
    given = request.headers.get(b"idempotency-key")
    return await _operate(request, "void", None if given is None else checked_key(given.decode("latin-1")))


async def refund_payment(request: Request) -> Answer:
    """Move back what a payment has moved, or part of it."""
    return await _operate(request, "refund", key_of_headers(request.headers))


async def reverse_payment(request: Request) -> Answer:
    """Correct a mistaken payment."""
    return await _operate(request, "reversal", key_of_headers(request.headers))


async def _operate_all(request: Request, kind: Kind) -> Answer:
    site = request.site
    requests = parse_operations(kind, await request.body(), site.ledger.shards)
    messages: list[AnyMessage] = [item for item in requests if not isinstance(item, Problem)]
    answers = await site.submissions.run(site.ledger.ask_all(messages)) if messages else []
    for answer in answers:
        site.metrics.count_operation(kind, answer)
    return await operations_answer(site.ledger, site.acknowledged, requests, answers, request.id)


async def capture_batch(request: Request) -> Answer:
    """Carry out many captures that do not disturb each other."""
    return await _operate_all(request, "capture")


async def void_batch(request: Request) -> Answer:
    """Carry out many voids that do not disturb each other."""
    return await _operate_all(request, "void")


async def refund_batch(request: Request) -> Answer:
    """Carry out many refunds that do not disturb each other."""
    return await _operate_all(request, "refund")


_EXAMPLE = "pay_01F2J7M1Z5Q00000000R200001"
_PAYMENT = Parameter("id", "path", "The payment's id.", {"type": "string"}, True, _EXAMPLE)
_OPTIONAL_KEY = Parameter(
    "Idempotency-Key", "header", "Optional here: without it, all voids of a payment are one and the same.",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
)  # fmt: skip
_COMMON = ("payment_not_found", "invalid_idempotency_key", "idempotency_key_reused", *BODY_PROBLEMS, *LEDGER_PROBLEMS)
_AMOUNTS = ("idempotency_key_required", "invalid_amount")
_REFUND = (
    "amount_exceeds_captured", "insufficient_funds", "limit_exceeded", "account_closed", *_AMOUNTS, *_COMMON,
)  # fmt: skip
_BATCH = ("batch_too_large", *BODY_PROBLEMS, *LEDGER_PROBLEMS)
_BATCH_TEXT = (
    "Outcomes come in the order asked, each with its own status; a malformed item does not disturb the others. If the ledger "
    "could take none of them the whole answer is 503 or 504: send the batch again."
)
ROUTES = (
    Route(
        "POST", "/v1/payments/{id}/capture", capture_payment, "Capture a hold", "Payments", {200: ChangedPaymentBody},
        "Moves what the payment holds. With an amount only so much of it; the rest is released, or with `final: false` stays held "
        "for further captures. Once `expires_at` has come nothing is held any more.",
        CaptureBody, (_PAYMENT, IDEMPOTENCY_KEY), ("payment_not_held", "amount_exceeds_held", *_AMOUNTS, *_COMMON),
        {"All of it": {}, "A part; the rest stays held": {"amount": 700, "final": False}},
    ),
    Route(
        "POST", "/v1/payments/{id}/void", void_payment, "Void a hold", "Payments", {200: ChangedPaymentBody},
        "Releases all that the payment still holds.",
        VoidBody, (_PAYMENT, _OPTIONAL_KEY), ("payment_not_held", *_COMMON),
    ),
    Route(
        "POST", "/v1/payments/{id}/refunds", refund_payment, "Refund a payment", "Payments", {201: ChangedPaymentBody},
        "Moves captured money back, in parts and at any age of the payment, up to what was captured in all.",
        RefundBody, (_PAYMENT, IDEMPOTENCY_KEY), ("account_frozen", *_REFUND),
        {"All that is left": {}, "A part": {"amount": 250}},
    ),
    Route(
        "POST", "/v1/payments/{id}/reversal", reverse_payment, "Reverse a mistaken payment", "Payments",
        {200: ChangedPaymentBody},
        "An operator's correction: moves back all that was not refunded before, also from and to frozen accounts. Its reason is "
        "kept with it.",
        ReversalBody, (_PAYMENT, IDEMPOTENCY_KEY), _REFUND, {"With its reason": {"reason": "paid twice by mistake, ticket 4711"}},
    ),
    Route(
        "POST", "/v1/payments/batch/capture", capture_batch, "Capture up to 10,000 holds", "Payments",
        {200: OperationResultsBody}, _BATCH_TEXT, CapturesBody, (), _BATCH,
        {"One capture": {"captures": [{"idempotency_key": "c-1", "payment_id": _EXAMPLE, "amount": 700}]}},
    ),
    Route(
        "POST", "/v1/payments/batch/void", void_batch, "Void up to 10,000 holds", "Payments", {200: OperationResultsBody},
        _BATCH_TEXT, VoidsBody, (), _BATCH, {"One void": {"voids": [{"payment_id": _EXAMPLE}]}},
    ),
    Route(
        "POST", "/v1/payments/batch/refunds", refund_batch, "Refund up to 10,000 payments", "Payments",
        {200: OperationResultsBody}, _BATCH_TEXT, RefundsBody, (), _BATCH,
        {"One refund": {"refunds": [{"idempotency_key": "r-1", "payment_id": _EXAMPLE}]}},
    ),
)  # fmt: skip
