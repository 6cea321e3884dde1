"""From the ledger's answer about an operation to the payment as it stood right after it. A replay gives the same bytes again.

The first answer brings the payment and the amounts; for a replay the journal tells them.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from processor.core.messages import OperationAnswer, PaymentView, Refund
from processor.core.results import Result
from processor.wire_values import money, rfc3339
from serve.bodies.payment_operations import ChangedPaymentBody, OperationBody
from serve.consistency import token_header
from serve.ledger import Ledger
from serve.payments.identity import REPLAYED, Operation, operation_id_of, payment_id_of
from serve.payments.operation_refusals import operation_refusal
from serve.payments.operations import kind_of
from serve.payments.views import total, view_body
from serve.wire.answer import Answer, encode_json

Answered = tuple[Operation, OperationAnswer]


async def operation_answer(ledger: Ledger, message: Operation, answer: OperationAnswer) -> Answer:
    """Return the HTTP answer to one operation. Raises Problem if it was refused, LedgerError."""
    token = token_header(((message.shard, answer.as_of), *answer.others))
    if answer.result != Result.ACCEPTED:
        raise operation_refusal(message, answer, token)
    (body,) = await changed_payments(ledger, [(message, answer)])
    return Answer(status_of(message), encode_json(body), (token, REPLAYED) if answer.replayed else (token,))


def status_of(message: Operation) -> int:
    """Return the status of an accepted operation: a refund is something new, with more of its kind to come."""
    return 201 if isinstance(message, Refund) and message.reason is None else 200


async def changed_payments(ledger: Ledger, accepted: Sequence[Answered]) -> list[ChangedPaymentBody]:
    """Return the payment right after each accepted operation, in order. Raises LedgerError."""
    untold = [pair for pair in accepted if pair[1].payment is None]
    recorded = iter(await ledger.operations(untold)) if untold else iter(())
    bodies = []
    for message, answer in accepted:
        if answer.payment is not None:
            bodies.append(_body(message, answer, answer.amounts, answer.payment))
        else:
            operation = next(recorded)
            bodies.append(_body(message, answer, operation.amounts, operation.payment))
    return bodies


def _body(message: Operation, answer: OperationAnswer, amounts: tuple[int, ...], view: PaymentView) -> ChangedPaymentBody:
    payment = view_body(message.shard, view, payment_id_of(message))
    reason = message.reason if isinstance(message, Refund) else None
    operation = OperationBody(
        operation=operation_id_of(message, answer),
        kind=kind_of(message),
        amount=total(payment.currency, amounts),
        legs=[money(amount) for amount in amounts],
        created_at=rfc3339(answer.at),
        reason=UNSET if reason is None else reason,
    )
    members: tuple[Any, ...] = (*msgspec.structs.astuple(payment), operation)
    return ChangedPaymentBody(*members)
