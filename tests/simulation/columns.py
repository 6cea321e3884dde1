"""Plain payments on their way through the router as columns, and what it says about each of them."""

from collections.abc import Sequence

from actors.errors import LedgerError
from actors.payment_outcomes import PaymentOutcomes
from processor.core import messages as m
from processor.core.results import Result
from tests.audit.travels import must


def is_plain(message: m.AnyMessage) -> bool:
    """Whether a column can hold the message."""
    return isinstance(message, m.Pay) and message.metadata is None and message.conditions is None and message.version is None


def columns_of(messages: Sequence[m.AnyMessage]) -> m.PayMany:
    """Return plain payments as columns."""
    payments = [message for message in messages if isinstance(message, m.Pay)]
    return m.PayMany(
        b"".join(payment.key for payment in payments),
        b"".join(payment.fingerprint for payment in payments),
        [payment.from_account for payment in payments],
        [payment.to_account for payment in payments],
        [payment.amount for payment in payments],
        [payment.currency for payment in payments],
        [payment.reference for payment in payments],
    )


def answers_of(messages: Sequence[m.AnyMessage], outcomes: PaymentOutcomes) -> list[m.AnyAnswer | LedgerError]:
    """Return an answer for each of the payments."""
    answers: list[m.AnyAnswer | LedgerError] = []
    for place, (message, record) in enumerate(zip(messages, outcomes.record_of, strict=True)):
        if record < 0:
            answers.append(outcomes.others[place])
            continue
        must(place not in outcomes.others, f"{message} has two outcomes")
        at, shard, sequence = outcomes.records[record]
        must(shard == message.shard and (shard, sequence) in outcomes.positions, f"{message} was recorded on shard {shard}")
        answers.append(m.PaymentAnswer(Result.ACCEPTED, False, at, sequence, outcomes.indexes[place], sequence))
    return answers
