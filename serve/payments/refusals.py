"""Why a payment was refused, or got no outcome, as problems for its client."""

from processor.core.ids import PREFIX
from processor.core.messages import OperationAnswer, PaymentAnswer
from processor.core.results import Result
from serve.ledger import LedgerError, OutcomeUnknown, Overloaded, ShardUnavailable
from serve.payments.identity import REPLAYED, Creation, identity_of, legs_of
from serve.reads import ReadsUnavailable, ReadTooSlow
from serve.wire.answer import Header
from serve.wire.problems import Problem, retry_after

_RETRY_SECONDS = 1.0


def refusal(message: Creation, answer: PaymentAnswer, *headers: Header) -> Problem:
    """Return the problem that tells which account of which leg was refused, and what to do. It never tells a balance."""
    result = answer.result
    if result == Result.SHARD_UNAVAILABLE:
        return shard_problem("payment")
    if result == Result.VERSION_DIFFERS:
        return version_problem(legs_of(message)[0].from_account)
    identity = identity_of(message, answer)
    if result == Result.IDEMPOTENCY_KEY_REUSED:
        detail = "This idempotency key belongs to another request of this `from` account; send a new payment with a new key."
        return Problem(result.code, detail, headers=headers, payment_id=identity)
    return remembered_refusal(answer, _reason(message, answer), "payment", identity, identity.removeprefix(PREFIX), headers)


def shard_problem(what: str) -> Problem:
    """Return the problem of a payment, or of `what` is done to one, that had no answer from a shard it needs."""
    detail = f"A shard that the {what} needs is between hosts. Nothing was done; send it again with the same key."
    return Problem("shard_unavailable", detail, headers=retry_after(_RETRY_SECONDS))


def remembered_refusal(
    answer: PaymentAnswer | OperationAnswer, reason: str, what: str, payment: str, number: str, headers: tuple[Header, ...]
) -> Problem:
    """Return the problem of a payment, or of `what` is done to one, that was refused for good.

    `number` makes the request's id: the same for whoever is told again.
    """
    return Problem(
        answer.result.code,
        f"{reason} The refusal is remembered: after mending the cause, send the {what} with a new key.",
        headers=(*headers, REPLAYED) if answer.replayed else headers,
        payment_id=payment,
        request_id=f"req_{number}",
    )


def version_problem(account: str) -> Problem:
    """Return the problem of an account that has changed since its client read it."""
    detail = f"Account {account} has not the version that If-Match names. Nothing was done; read it again, then decide anew."
    return Problem("version_differs", detail)


def _reason(message: Creation, answer: PaymentAnswer) -> str:
    if answer.result == Result.BALANCE_CONDITION_FAILED:
        failed = (message.conditions or ())[answer.where]
        return f"Account {failed.account} does not fulfil the condition `{failed.balance}` `{failed.comparison}` {failed.value}."
    legs = legs_of(message)
    index, side = divmod(answer.where, 2)
    leg = legs[index]
    account = leg.to_account if side else leg.from_account
    place = f"`{'to' if side else 'from'}`" + (f" of leg {index + 1}" if len(legs) > 1 else "")
    money_text = f"{leg.amount} {leg.currency} (minor units)"
    match answer.result:
        case Result.ACCOUNT_NOT_FOUND:
            return f"There is no account {account} ({place}); open it first."
        case Result.ACCOUNT_CLOSED:
            return f"Account {account} ({place}) is closed; use another."
        case Result.ACCOUNT_FROZEN:
            return f"Account {account} ({place}) is frozen; unfreeze it first."
        case Result.CURRENCY_MISMATCH:
            return f"Account {account} ({place}) does not hold {leg.currency}; use the account's own currency."
        case Result.SAME_ACCOUNT:
            return f"Account {account} is both `from` and `to`; name two accounts."
        case Result.INSUFFICIENT_FUNDS:
            return f"Account {account} ({place}) has less than {money_text} available; fund it first."
        case Result.LIMIT_EXCEEDED:
            return f"Account {account} ({place}) may not hold {money_text} more; send less."
    raise TypeError(f"the ledger refused a payment with {answer.result!r}")


def ledger_problem(error: LedgerError) -> Problem:
    """Return the problem that tells why the ledger has no answer."""
    match error:
        case Overloaded():
            detail = "Too many requests are waiting. Nothing was done; send it again later, a payment with the same key."
            return Problem("overloaded", detail, headers=retry_after(error.retry_after_seconds))
        case ShardUnavailable():
            detail = f"Shard {error.shard} is between hosts. Nothing was done; send it again, a payment with the same key."
            return Problem("shard_unavailable", detail, headers=retry_after(error.retry_after_seconds))
        case ReadsUnavailable():
            return Problem(
                "reads_unavailable", "Lists and the past cannot be read now; try again.", headers=retry_after(_RETRY_SECONDS)
            )
        case ReadTooSlow():
            return Problem("read_too_slow", "The read took too long: narrow the filter.", headers=retry_after(_RETRY_SECONDS))
        case OutcomeUnknown():
            return Problem("outcome_unknown", "The outcome is not known; send it again, a payment with the same key.")
    raise TypeError(f"{type(error).__name__} is not for clients") from error
