"""Payments: one, many, and one read back."""

import re

from processor.core.ids import parse_payment_id
from processor.core.messages import AnyMessage, PaymentAnswer
from serve.bodies.payments import BatchRequestBody, BatchResultsBody, PaymentBody, PaymentRequestBody
from serve.consistency import seen_by_client, token_header
from serve.ledger import expect
from serve.payments.batches import batch_answer, parse_batch
from serve.payments.idempotency import key_of_headers
from serve.payments.instructions import message_of, parse_payment
from serve.payments.outcomes import payment_answer, recorded_body
from serve.routes.route import BODY_PROBLEMS, CONSISTENCY_TOKEN, IDEMPOTENCY_KEY, LEDGER_PROBLEMS, READ_PROBLEMS, Parameter, Route
from serve.wire.answer import Answer, encode_json
from serve.wire.problems import Problem
from serve.wire.request import Request

_MINIMAL = re.compile(rb"(^|[,;])[ \t]*return[ \t]*=[ \t]*\"?minimal\"?[ \t]*($|[,;])", re.IGNORECASE).search


async def pay(request: Request) -> Answer:
    """Make one payment."""
    key = key_of_headers(request.headers)
    message = message_of(parse_payment(await request.body()), key, request.ledger.shards)
    answer = expect(await request.site.submissions.run(request.ledger.ask(message)), PaymentAnswer)
    request.site.metrics.count_outcome(answer)
    return payment_answer(message, answer)


async def pay_batch(request: Request) -> Answer:
    """Make many payments that do not disturb each other."""
    minimal = bool(_MINIMAL(request.headers.get(b"prefer", b"")))
    instructions = parse_batch(await request.body(), request.ledger.shards)
    messages: list[AnyMessage] = [item for item in instructions if not isinstance(item, Problem)]
    answers = await request.site.submissions.run(request.ledger.ask_all(messages)) if messages else []
    request.site.metrics.count_outcomes(answers)
    return batch_answer(instructions, answers, request.id, minimal)


async def read_payment(request: Request) -> Answer:
    """Read one payment."""
    identity = request.parameter
    place = parse_payment_id(identity)
    if place is None or place.shard >= request.ledger.shards:
        raise _not_found(identity)
    # The journal is read, where everything acknowledged is: no older state than the token's can be seen.
    seen_by_client(request)
    recorded = await request.ledger.payment(identity)
    if recorded is None:
        raise _not_found(identity)
    return Answer(200, encode_json(recorded_body(recorded)), (token_header([(place.shard, recorded.sequence)]),))


def _not_found(identity: str) -> Problem:
    return Problem("payment_not_found", f"There is no payment {identity[:64]!r}; correct the id.")


_REFUSALS = (
    "account_not_found", "account_closed", "account_frozen", "currency_mismatch", "same_account", "insufficient_funds",
    "limit_exceeded", "idempotency_key_reused",
)  # fmt: skip
_FIELDS = ("idempotency_key_required", "invalid_idempotency_key", "invalid_amount", "unknown_currency", "unsupported_mode")
ROUTES = (
    Route(
        "POST", "/v1/payments", pay, "Make a payment", "Payments", {201: PaymentBody},
        "One leg, or up to 32 in `legs` that happen all or not at all. The payment is durable when its answer arrives. The same "
        "key and body give the first answer again, with `Idempotency-Replayed: true`; refusals (422) are remembered too.",
        PaymentRequestBody, (IDEMPOTENCY_KEY,), (*_FIELDS, *_REFUSALS, *BODY_PROBLEMS, *LEDGER_PROBLEMS),
        {
            "Fund an account": {"from": "world", "to": "acc_alice", "amount": 10000, "currency": "EUR"},
            "Two legs, all or nothing": {
                "legs": [
                    {"from": "acc_alice", "to": "acc_bob", "amount": 950, "currency": "EUR"},
                    {"from": "acc_alice", "to": "world", "amount": 50, "currency": "EUR"},
                ],
                "reference": "order 1001",
            },
        },
    ),
    Route(
        "POST", "/v1/payments/batch", pay_batch, "Make up to 10,000 payments", "Payments", {200: BatchResultsBody},
        "Outcomes come in the order of the payments, each with its own status; a malformed item does not disturb the others. If "
        "the ledger could take none of them the whole answer is 503 or 504: send the batch again.",
        BatchRequestBody,
        (
            Parameter(
                "Prefer", "header", "`return=minimal`: accepted items answer with their id alone.", {"type": "string"},
                example="return=minimal",
            ),
        ),
        ("batch_too_large", *BODY_PROBLEMS, *LEDGER_PROBLEMS),
        {
            "Two payments": {
                "payments": [
                    {"idempotency_key": "b-1", "from": "world", "to": "acc_alice", "amount": 500, "currency": "EUR"},
                    {"idempotency_key": "b-2", "from": "acc_alice", "to": "acc_bob", "amount": 120, "currency": "EUR"},
                ]
            }
        },
    ),
    Route(
        "GET", "/v1/payments/{id}", read_payment, "Read a payment", "Payments", {200: PaymentBody},
        "Only payments that were made have something to read; a refusal is told again to who sends its key again.",
        None,
        (
            Parameter("id", "path", "The payment's id.", {"type": "string"}, True, "pay_01F2J7M1Z5Q00000000R200001"),
            CONSISTENCY_TOKEN,
        ),
        ("payment_not_found", *READ_PROBLEMS),
    ),
)  # fmt: skip
