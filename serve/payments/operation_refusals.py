"""Why a capture, void, refund or reversal was refused, as problems for its client.

Texts depend on the request, the result and its place alone, so that a remembered refusal is told again as it was the first time.
"""

from processor.core.messages import OperationAnswer
from processor.core.results import Result
from serve.payments.identity import Operation, operation_id_of, payment_id_of
from serve.payments.operations import kind_of, not_found
from serve.payments.refusals import remembered_refusal, shard_problem
from serve.wire.answer import Header
from serve.wire.problems import Problem, field_problem


def operation_refusal(message: Operation, answer: OperationAnswer, *headers: Header) -> Problem:
    """Return the problem that tells what was refused, and what to do. It never tells a balance."""
    result, kind, payment = answer.result, kind_of(message), payment_id_of(message)
    match result:
        case Result.SHARD_UNAVAILABLE:
            return shard_problem(kind)
        case Result.PAYMENT_NOT_FOUND:
            return not_found(payment)
        case Result.LEGS_DIFFER:
            return _legs_problem(message)
        case Result.IDEMPOTENCY_KEY_REUSED:
            detail = f"This idempotency key belongs to another request about this payment; send the {kind} with a new key."
            return Problem(result.code, detail, headers=headers, payment_id=payment)
    number = operation_id_of(message, answer).removeprefix("op_")
    return remembered_refusal(answer, _reason(kind, answer), kind, payment, number, headers)


def _legs_problem(message: Operation) -> Problem:
    amounts = getattr(message, "amounts", None) or ()
    if len(amounts) == 1:
        return field_problem("invalid_amount", "/amount", "the payment has several legs: send `legs`, an amount for each")
    detail = f"the payment has not {len(amounts)} legs: send `amount` for one leg, else one amount for each of its legs"
    return field_problem("invalid_amount", "/legs", detail)


def _reason(kind: str, answer: OperationAnswer) -> str:
    leg = f"leg {answer.where // 2 + 1}"
    match answer.result:
        case Result.PAYMENT_NOT_HELD:
            return "Nothing of this payment is held: it was captured, voided, has expired, or never was a hold."
        case Result.AMOUNT_EXCEEDS_HELD:
            return f"The payment does not hold this much any more ({leg}); ask for less."
        case Result.AMOUNT_EXCEEDS_CAPTURED:
            return f"Not this much was captured and is not yet refunded ({leg}); ask for less."
        case Result.ACCOUNT_CLOSED:
            return f"An account of {leg} is closed."
        case Result.ACCOUNT_FROZEN:
            return f"An account of {leg} is frozen; unfreeze it first, or let an operator send a reversal."
        case Result.INSUFFICIENT_FUNDS:
            return f"The account that was paid in {leg} has less than the {kind} available; fund it first."
        case Result.LIMIT_EXCEEDED:
            return f"The account that paid in {leg} may not hold this much more."
    raise TypeError(f"the ledger refused a {kind} with {answer.result!r}")
