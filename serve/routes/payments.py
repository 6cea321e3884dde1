"""Payments: one, many, and one read back."""

import re

from processor.core.messages import AnyMessage, OperationAnswer, PaymentAnswer, ReadPayment
from processor.core.results import Result
from serve.bodies.payments import BatchRequestBody, BatchResultsBody, PaymentBody, PaymentRequestBody
from serve.consistency import read_visible, seen_by_client, token_header
from serve.ledger import expect
from serve.payments.batches import batch_answer, parse_batch
from serve.payments.columns import columns_answer, parse_columns
from serve.payments.idempotency import key_of_headers
from serve.payments.instructions import message_of, parse_payment
from serve.payments.misused_keys import are_keys_misused, refuse_misused_key, refuse_misused_keys
from serve.payments.operations import not_found, place_of
from serve.payments.outcomes import payment_answer
from serve.payments.views import view_body
from serve.routes.route import (
    BODY_PROBLEMS,
    CONSISTENCY_TOKEN,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    LEDGER_PROBLEMS,
    READ_PROBLEMS,
    Parameter,
    Route,
)
from serve.wire.answer import Answer, encode_json
from serve.wire.conditional import version_of
from serve.wire.problems import Problem
from serve.wire.request import Request

_MINIMAL = re.compile(rb"(^|[,;])[ \t]*return[ \t]*=[ \t]*\"?minimal\"?[ \t]*($|[,;])", re.IGNORECASE).search


async def pay(request: Request) -> Answer:
    """Make one payment."""
    key = key_of_headers(request.headers)
    version, site = version_of(request.headers), request.site
    message = message_of(parse_payment(await request.body()), key, site.ledger.shards, version)
    if site.cache.keys is not None:
        await refuse_misused_key(site.cache.keys, key, message)
    answer = expect(await site.submissions.ask(site.ledger, message), PaymentAnswer)
    site.metrics.count_outcome(answer)
    site.acknowledged.note_one(message.shard, answer.as_of)
    if answer.others:
        site.acknowledged.note(answer.others)
    return payment_answer(message, answer)


async def pay_batch(request: Request) -> Answer:
    """Make many payments that do not disturb each other."""
    minimal = bool(_MINIMAL(request.headers.get(b"prefer", b"")))
    body, site = await request.body(), request.site
    guard = site.cache.keys
    payments = parse_columns(body)
    # Which keys are refused is told item by item: that is for the plain road.
    if payments is not None and not (guard is not None and await are_keys_misused(guard, body, payments)):
        outcomes = await site.submissions.run(site.ledger.pay_many(payments))
        site.metrics.count_outcomes(outcomes.others.values())
        site.metrics.count_accepted(len(payments) - len(outcomes.others))
        return columns_answer(site.acknowledged, payments, outcomes, site.ledger.shards, request.id, minimal)
    instructions = parse_batch(body, site.ledger.shards)
    if guard is not None:
        instructions = await refuse_misused_keys(guard, body, instructions)
    messages: list[AnyMessage] = [item for item in instructions if not isinstance(item, Problem)]
    answers = await site.submissions.run(site.ledger.ask_all(messages)) if messages else []
    site.metrics.count_outcomes(answers)
    return batch_answer(site.acknowledged, instructions, answers, request.id, minimal)


async def read_payment(request: Request) -> Answer:
    """Read one payment as it stands."""
    identity = request.parameter
    place = place_of(identity, request.ledger.shards)
    seen = seen_by_client(request).get(place.shard, 0)
    message = ReadPayment(place.shard, place.at, place.sequence, place.index)

    async def read() -> OperationAnswer:
        return expect(await request.ledger.ask(message), OperationAnswer)

    answer = await read_visible(request, read, lambda answer: answer.as_of >= seen)
    if answer.result != Result.ACCEPTED or answer.payment is None:
        raise not_found(identity)
    body = view_body(place.shard, answer.payment, identity)
    return Answer(200, encode_json(body), (token_header([(place.shard, answer.as_of)]),))


_REFUSALS = (
    "account_not_found", "account_closed", "account_frozen", "currency_mismatch", "same_account", "insufficient_funds",
    "limit_exceeded", "balance_condition_failed", "idempotency_key_reused",
)  # fmt: skip
_FIELDS = ("idempotency_key_required", "invalid_idempotency_key", "invalid_amount", "unknown_currency", "version_differs")
ROUTES = (
    Route(
        "POST", "/v1/payments", pay, "Make a payment", "Payments", {201: PaymentBody},
        "One leg, or up to 32 in `legs` that happen all or not at all. The payment is durable when its answer arrives. The same "
        "key and body give the first answer again, with `Idempotency-Replayed: true`; refusals (422) are remembered too. With "
        "`mode: hold` the money is only reserved, until it is captured, voided, or the hold expires. Legs may be in several "
        "currencies; each leg's accounts hold its own.",
        PaymentRequestBody, (IDEMPOTENCY_KEY, IF_MATCH), (*_FIELDS, *_REFUSALS, *BODY_PROBLEMS, *LEDGER_PROBLEMS),
        {
            "Fund an account": {"from": "world", "to": "acc_alice", "amount": 10000, "currency": "EUR"},
            "Two legs, all or nothing": {
                "legs": [
                    {"from": "acc_alice", "to": "acc_bob", "amount": 950, "currency": "EUR"},
                    {"from": "acc_alice", "to": "world", "amount": 50, "currency": "EUR"},
                ],
                "reference": "order 1001",
            },
            "Hold money for a day, if there is enough": {
                "from": "acc_alice", "to": "acc_bob", "amount": 700, "currency": "EUR", "mode": "hold",
                "expires_in_seconds": 86400, "balance_conditions": [{"account": "acc_alice", "available": {"gte": 1000}}],
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
