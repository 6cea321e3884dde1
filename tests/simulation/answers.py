"""Whether clients were told what the journal says, once per key, and never something older than what they could know."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from processor.core import messages as m
from processor.core.results import Result
from tests.audit.journal_audit import JournalAudit, Outcome
from tests.audit.lines import legs_of
from tests.audit.travels import must
from tests.simulation.workload import Command, Keyed

UNREMEMBERED = (Result.IDEMPOTENCY_KEY_REUSED, Result.PAYMENT_NOT_FOUND, Result.LEGS_DIFFER, Result.VERSION_DIFFERS)


@dataclass
class Span:
    """When something that takes its place at `sequence` of a shard was first sent, and first known to have happened."""

    shard: int
    sequence: int
    sent: float
    answered: float
    is_write: bool
    what: object


def check_answers(history: Sequence[Command], audit: JournalAudit) -> None:
    """Check every answer that any client got."""
    spans: dict[object, Span] = {}
    first_answers: Counter[tuple[int, bytes]] = Counter()
    created: Counter[str] = Counter()
    for position, command in enumerate(history):
        message, answer = command.message, command.answer
        if isinstance(message, Keyed):
            assert isinstance(answer, m.PaymentAnswer | m.OperationAnswer)
            _check_outcome(message, answer, command.cancelled, audit)
            if answer.result in UNREMEMBERED:
                spans[position] = Span(message.shard, answer.as_of, command.sent, command.answered, False, command)
            else:
                first_answers[message.shard, message.key] += not answer.replayed
                _widen(spans, (message.shard, message.key), answer.as_of, command)
        elif isinstance(message, m.ReadPayment):
            assert isinstance(answer, m.OperationAnswer)
            _check_shown(message, answer, audit)
            spans[position] = Span(message.shard, answer.as_of, command.sent, command.answered, False, command)
        elif isinstance(answer, m.AccountAnswer):
            _check_account(message, answer, audit)
            created[answer.account.id if answer.account else ""] += answer.created
            spans[position] = Span(message.shard, answer.sequence, command.sent, command.answered, answer.created, command)
        elif isinstance(answer, m.TotalsAnswer):
            must(
                all(int(posted) + int(transit) == 0 for posted, transit, _ in answer.currencies.values()),
                f"sums are not zero: {answer}",
            )
            spans[position] = Span(message.shard, answer.sequence, command.sent, command.answered, False, command)
    must(max(first_answers.values(), default=0) <= 1, "an effect was told as the first twice")
    must(max(created.values(), default=0) <= 1, "an account was told to be new twice")
    _check_real_time(spans.values())


def _widen(spans: dict[object, Span], scope: tuple[int, bytes], sequence: int, command: Command) -> None:
    known = spans.get(scope)
    if known is None:
        spans[scope] = Span(scope[0], sequence, command.sent, command.answered, True, command)
    else:
        known.sent, known.answered = min(known.sent, command.sent), min(known.answered, command.answered)


def _check_outcome(
    message: Keyed,
    answer: m.PaymentAnswer | m.OperationAnswer,
    cancelled: Iterable[m.PaymentAnswer | m.OperationAnswer],
    audit: JournalAudit,
) -> None:
    scope = (message.shard, message.key)
    outcome, given_up = audit.outcomes.get(scope), audit.given_up.get(scope, [])
    for given in cancelled:
        must(in_answer(given) in [in_outcome(each) for each in given_up], f"given up, as the journal does not say: {given}")
    if answer.result is Result.IDEMPOTENCY_KEY_REUSED:
        others = [*given_up, *([outcome] if outcome is not None else [])]
        must(any(each.fingerprint != message.fingerprint for each in others), f"nobody else used the key of {message}")
        return
    if answer.result in UNREMEMBERED:
        _check_nothing_was_done(message, answer, audit)
        return
    if outcome is None:
        must(False, f"acknowledged, but not in the journal: {message} {answer}")
        return
    must(outcome.fingerprint == message.fingerprint, f"answered with another payment's outcome: {message}")
    must(in_answer(answer) == in_outcome(outcome), f"the client was told {answer}, the journal says {outcome}")
    if not isinstance(message, m.OfPayment) and message.version is not None and answer.result is Result.ACCEPTED:
        _check_version(message, message.version, answer.sequence, audit)
    if isinstance(answer, m.OperationAnswer) and answer.payment is not None:
        assert isinstance(message, m.OfPayment)
        history = audit.book.history[message.shard, message.at, message.sequence, message.index]
        shown = [seen.view for seen in history if seen.sequence == answer.as_of]
        must(answer.payment in shown, f"{message} was shown {answer.payment}, it stood as {shown}")


def _check_version(message: m.Pay | m.PayLegs | m.Hold, version: int, sequence: int, audit: JournalAudit) -> None:
    """Whether the account had this version at some moment within the record that the payment began with."""
    history = audit.versions[legs_of(message)[0].from_account]
    before = [known for at, known in history if at < sequence][-1]
    after = [known for at, known in history if at <= sequence][-1]
    must(before <= version < after, f"made though the version went from {before} to {after}: {message}")


def _check_nothing_was_done(message: Keyed, answer: m.PaymentAnswer | m.OperationAnswer, audit: JournalAudit) -> None:
    """Whether the message had to be turned away without a trace."""
    if isinstance(message, m.OfPayment):
        legs = audit.model.payments[message.shard, message.at, message.sequence, message.index].legs
        amounts = None if isinstance(message, m.Void) else message.amounts
        is_right = answer.result is Result.LEGS_DIFFER and amounts is not None and len(amounts) != len(legs)
    else:
        is_right = answer.result is Result.VERSION_DIFFERS and message.version is not None
    must(is_right, f"{message} was turned away: {answer}")


def _check_shown(message: m.ReadPayment, answer: m.OperationAnswer, audit: JournalAudit) -> None:
    history = audit.book.history[message.shard, message.at, message.sequence, message.index]
    during = [seen.view for seen in history if seen.sequence == answer.as_of]
    before = [seen.view for seen in history if seen.sequence < answer.as_of][-1:]
    must(answer.payment in before + during, f"{message} was shown {answer}, at that time it was one of {before + during}")


def in_answer(answer: m.PaymentAnswer | m.OperationAnswer) -> tuple[Result, int, int, int, int, int]:
    """Return what an answer says of the outcome."""
    return answer.result, answer.where, answer.at, answer.sequence, answer.index, answer.as_of


def in_outcome(outcome: Outcome) -> tuple[Result, int, int, int, int, int]:
    """Return the same of what the journal says."""
    result, where = outcome.verdict
    return result, where, outcome.at, outcome.sequence, outcome.index, outcome.decided_sequence


def _check_account(message: m.AnyMessage, answer: m.AccountAnswer, audit: JournalAudit) -> None:
    assert isinstance(message, m.OpenAccount | m.SetStatus | m.ReadAccount)
    history = audit.views.get(message.account, [])
    view = answer.account
    # Inside a record the account passes through several states, and the answer may show any of them.
    during = [balances for sequence, balances in history if sequence == answer.sequence]
    before = [balances for sequence, balances in history if sequence < answer.sequence][-1:]
    if view is None:
        must(not before, f"{message.account} was not found at {answer.sequence}, where it exists")
        return
    shown = (view.status, view.posted, view.pending_in, view.pending_out)
    must(shown in before + during, f"{message} was shown {shown}, at {answer.sequence} it was one of {before + during}")
    if isinstance(message, m.SetStatus):
        if answer.result is Result.VERSION_DIFFERS:
            must(message.version is not None and view.version != message.version, f"{message} was answered {answer}")
            return
        must(_fits(message, answer.result, view), f"{message} was answered {answer}")
    elif isinstance(message, m.OpenAccount):
        asked = (message.currency, message.min_balance, message.max_balance)
        is_same = asked == (view.currency, view.min_balance, view.max_balance)
        must(answer.result is (Result.ACCEPTED if is_same else Result.ACCOUNT_EXISTS), f"{message} was answered {answer}")


def _fits(message: m.SetStatus, result: Result, view: m.AccountView) -> bool:
    """Whether the result follows from the account that came with it."""
    match result:
        case Result.ACCEPTED:
            return view.status == message.status
        case Result.ACCOUNT_CLOSED:
            return view.status == "closed" != message.status
        case Result.ACCOUNT_NOT_EMPTY:
            return message.status == "closed" and bool(view.posted or view.pending_in or view.pending_out)
    return False


def _check_real_time(spans: Iterable[Span]) -> None:
    """Whoever was sent after another's answer comes after it in the journal, or reads what is at least as new."""
    by_shard: dict[int, list[Span]] = {}
    for span in spans:
        by_shard.setdefault(span.shard, []).append(span)
    for group in by_shard.values():
        # A write must come in a later record than what was known before it was sent; a read may be of the same one.
        group.sort(key=_position)
        latest = list(accumulate(group, _sent_later))
        for span in group:
            count = bisect_left(group, span.sequence + 0.25, key=_position)
            if count and latest[count - 1].sent > span.answered:
                must(False, f"a later question got an older answer: {latest[count - 1]} after {span}")


def _sent_later(one: Span, other: Span) -> Span:
    return other if other.sent > one.sent else one


def _position(span: Span) -> float:
    return span.sequence if span.is_write else span.sequence + 0.5
