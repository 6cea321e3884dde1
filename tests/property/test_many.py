"""Payments as columns are decided exactly as one by one: the same answers, the same records, the same state, byte for byte."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from msgspec.structs import replace

from processor.core import messages as m
from processor.core.account import HIGHEST_BALANCE
from processor.core.events import decode_events
from processor.core.invariants import transit_violations
from processor.core.ledger import Ledger
from processor.core.messages import Leg
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.shard import Shard
from processor.core.turn import Turn
from tests.cluster import digest
from tests.property.many_turns import Answer, Round, Scenario, Side, columns, expanded, scenarios


def without_others(answer: Answer) -> Answer:
    """Return the answer as a column tells it."""
    if isinstance(answer, m.PaymentAnswer) and answer.result is Result.ACCEPTED and not answer.replayed:
        return m.PaymentAnswer(answer.result, False, answer.at, answer.sequence, answer.index, answer.as_of)
    return answer


def told_in_columns(payments: m.PayMany, paid: m.PaidMany, answers: list[Answer], shards: int) -> set[tuple[int, int]]:
    """Return where the payments that columns tell of can be read, as their own answers would say it."""
    found: set[tuple[int, int]] = set()
    for place, (record, answer) in enumerate(zip(paid.record_of, answers, strict=True)):
        if record >= 0:
            assert isinstance(answer, m.PaymentAnswer)
            found |= {(payments.pay(place, shards).shard, answer.as_of), *answer.others}
    return found


def compare_batch(plain: Side, together: Side, payments: m.PayMany) -> None:
    """Let both decide a batch, and compare what they say."""
    shards = plain.ledger.shard_count
    answers = plain.one_by_one(payments)
    paid, singles = together.as_columns(payments)
    assert [without_others(answer) for answer in expanded(payments, paid, singles, shards)] == [
        without_others(answer) for answer in answers
    ]
    behind = iter(singles)
    for record, answer in zip(paid.record_of, answers, strict=True):
        assert record >= 0 or next(behind) == answer
    assert len(set(paid.positions)) == len(paid.positions)
    assert set(paid.positions) == told_in_columns(payments, paid, answers, shards)


def take_turn(plain: Side, together: Side, turn: Round) -> tuple[Turn, Turn]:
    """Let both take a turn, and compare every answer in it."""
    plain.begin(turn)
    together.begin(turn)
    for step in turn.steps:
        if isinstance(step, m.PayMany):
            compare_batch(plain, together, step)
        else:
            assert plain.ledger.handle(step) == together.ledger.handle(step)
    return plain.seal(), together.seal()


def states(ledger: Ledger) -> list[bytes]:
    """Return each shard's state."""
    return [shard.encode() for shard in ledger.shards.values()]


def compare(scenario: Scenario) -> Side:
    """Let two ledgers live through the scenario, compare all of it, and return the one that took columns."""
    plain, together = Side(scenario), Side(scenario)
    replayed = {number: Shard(number, scenario.shards) for number in sorted(scenario.here)}
    for turn in [Round([*scenario.openings], 0, False, False), *scenario.rounds]:
        expected, sealed = take_turn(plain, together, turn)
        assert sealed.records == expected.records
        assert sealed.consulted == expected.consulted
        assert (sealed.outbox, sealed.completed) == (expected.outbox, expected.completed)
        assert states(together.ledger) == states(plain.ledger)
        for record in sealed.records:
            replayed[record.shard].replay(record.sequence, record.at, decode_events(record.payload))
        assert [shard.encode() for shard in replayed.values()] == states(together.ledger)
    return together


@given(scenarios())
def test_columns_give_the_same_answers_records_and_state_as_payments_one_by_one(scenario: Scenario) -> None:
    compare(scenario)


def everywhere(shards: int, openings: Sequence[m.OpenAccount], *steps: m.Request) -> Scenario:
    """Return a scenario of one turn, on a host that has all shards."""
    return Scenario(shards, frozenset(range(shards)), None, [*openings], [Round([*steps], 1, False, False)])


def opening(account: str, shards: int, floor: int | None, ceiling: int | None, currency: str = "EUR") -> m.OpenAccount:
    """Return the message that opens an account."""
    return m.OpenAccount(shard_of(account, shards), account, currency, floor, ceiling)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("side", ["from", "to"])
@pytest.mark.parametrize("bound", [100, None])
@pytest.mark.parametrize("held", [0, 7])
@pytest.mark.parametrize("beyond", [0, 1])
def test_columns_end_exactly_where_the_bounds_are(shards: int, side: str, bound: int | None, held: int, beyond: int) -> None:
    """A payment up to the bound is told in columns, one unit more is refused by the plain road."""
    floor, ceiling = (None if bound is None else -bound, None) if side == "from" else (None, bound)
    names = ["account-0", "account-1", "account-2", "account-3"]
    first, second, third, fourth = names
    limits = {first: (floor, None), second: (None, ceiling), third: (None, None), fourth: (None, None)}
    openings = [opening(name, shards, *limits[name]) for name in names]
    steps: list[m.Request] = []
    if held:
        legs = (Leg(first, third, held, "EUR"), Leg(fourth, second, held, "EUR"))
        steps.append(m.Hold(shard_of(first, shards), digest("hold"), digest("hold"), legs, 10**9))
    room = (HIGHEST_BALANCE if bound is None else bound) - held
    bounded = Leg(first, third, 1, "EUR") if side == "from" else Leg(fourth, second, 1, "EUR")
    parts = [replace(bounded, amount=amount) for amount in (room - 5, 5 + beyond)]
    steps.append(columns([(str(number), leg, None) for number, leg in enumerate(parts)]))
    ledger = compare(everywhere(shards, openings, *steps)).ledger
    account = ledger.account(first if side == "from" else second)
    assert account is not None
    assert (abs(account.posted) == room) is (not beyond)


@pytest.mark.parametrize("shards", [1, 3])
def test_columns_of_several_currencies_keep_them_apart(shards: int) -> None:
    names = {currency: [f"{currency}-{number}" for number in range(4)] for currency in ("EUR", "USD", "JPY")}
    openings = [opening(name, shards, None, None, currency) for currency in names for name in names[currency]]
    ways = [(source, target) for source in range(4) for target in range(4) if source != target]
    legs = [
        Leg(names[currency][source], names[currency][target], 1 + number, currency)
        for number, (source, target) in enumerate(ways)
        for currency in names
    ]
    ledger = compare(everywhere(shards, openings, columns([(str(n), leg, None) for n, leg in enumerate(legs)]))).ledger
    assert sum(len(shard.outcomes) for shard in ledger.shards.values()) == len(legs)
    assert transit_violations(list(ledger.shards.values())) == []


def test_the_common_batch_is_told_in_columns_alone() -> None:
    """Else the comparisons above would be of the plain road with itself."""
    names, shards = [f"account-{number}" for number in range(6)], 3
    side = Side(everywhere(shards, []))
    for name in names:
        side.ledger.handle(opening(name, shards, None, None))
    legs = [Leg(source, target, 1, "EUR") for source in names for target in names if source != target]
    paid, singles = side.as_columns(columns([(str(number), leg, None) for number, leg in enumerate(legs)]))
    assert singles == []
    assert len(paid.records) == len(paid.positions) == len({shard_of(name, shards) for name in names}) > 1
