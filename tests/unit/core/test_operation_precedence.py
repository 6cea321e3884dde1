"""When a capture, a void or a refund breaks several rules, the answer names the first: what is asked, before what the accounts say."""

from itertools import combinations

import pytest
from msgspec.structs import replace

from processor.core import messages as m
from processor.core.messages import Leg
from processor.core.results import Result
from tests.unit.core import test_precedence
from tests.unit.core.funded import IDS, PLACEMENTS, Funded, funded

CAPTURE_RULES = [
    Result.IDEMPOTENCY_KEY_REUSED, Result.PAYMENT_NOT_FOUND, Result.LEGS_DIFFER, Result.PAYMENT_NOT_HELD,
    Result.AMOUNT_EXCEEDS_HELD,
]  # fmt: skip
VOID_RULES = [Result.IDEMPOTENCY_KEY_REUSED, Result.PAYMENT_NOT_FOUND, Result.PAYMENT_NOT_HELD]
REFUND_RULES = [
    Result.IDEMPOTENCY_KEY_REUSED, Result.PAYMENT_NOT_FOUND, Result.LEGS_DIFFER, Result.AMOUNT_EXCEEDS_CAPTURED,
    Result.ACCOUNT_CLOSED, Result.ACCOUNT_FROZEN, Result.INSUFFICIENT_FUNDS,
]  # fmt: skip
IMPOSSIBLE_TOGETHER = {Result.ACCOUNT_CLOSED, Result.ACCOUNT_FROZEN}
KEY = b"the only key    "

in_every_placement = pytest.mark.parametrize(("shards", "hosts"), PLACEMENTS, ids=IDS)
Rules = tuple[Result, ...]


def sets_of(rules: list[Result]) -> list[Rules]:
    """Return every rule alone and every possible pair, each in the order of precedence."""
    sets = [*combinations(rules, 1), *combinations(rules, 2)]
    return [each for each in sets if not set(each) >= IMPOSSIBLE_TOGETHER]


def ask(world: Funded, message: m.Capture | m.Void | m.Refund) -> m.OperationAnswer:
    """Ask under the one key that there is."""
    message = replace(message, key=KEY)
    world.cluster.audit.asked[message.fingerprint] = message
    answer = world.cluster.ask(message)
    assert isinstance(answer, m.OperationAnswer)
    return answer


def amounts_for(rules: Rules, too_much: Result) -> tuple[int, ...]:
    """Return amounts for the one leg of 600."""
    amount = 601 if too_much in rules else 600
    return (amount, 1) if Result.LEGS_DIFFER in rules else (amount,)


def held(world: Funded, rules: Rules) -> tuple[int, int, int, int]:
    """Return the place of a hold of 600, or one where there is none."""
    place = world.held(world.leg(600))
    if Result.IDEMPOTENCY_KEY_REUSED in rules:
        assert ask(world, world.cluster.capturing("", place, (0,), final=False)).result is Result.ACCEPTED
    if Result.PAYMENT_NOT_HELD in rules:
        assert world.cluster.void("end it", place).result is Result.ACCEPTED
    return (*place[:3], 1000) if Result.PAYMENT_NOT_FOUND in rules else place


@in_every_placement
@pytest.mark.parametrize("rules", sets_of(CAPTURE_RULES), ids=str)
def test_the_first_rule_that_a_capture_breaks_is_the_answer(rules: Rules, shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = held(world, rules)
    assert ask(world, world.cluster.capturing("", place, amounts_for(rules, Result.AMOUNT_EXCEEDS_HELD))).result is rules[0]
    world.cluster.check()


@in_every_placement
@pytest.mark.parametrize("rules", sets_of(VOID_RULES), ids=str)
def test_the_first_rule_that_a_void_breaks_is_the_answer(rules: Rules, shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = held(world, rules)
    assert ask(world, world.cluster.voiding("", place)).result is rules[0]
    world.cluster.check()


@in_every_placement
@pytest.mark.parametrize("rules", sets_of(REFUND_RULES), ids=str)
def test_the_first_rule_that_a_refund_breaks_is_the_answer(rules: Rules, shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    cluster = world.cluster
    place = world.paid(world.leg(600))
    if Result.IDEMPOTENCY_KEY_REUSED in rules:
        assert ask(world, cluster.refunding("", place, (601,), "remembered")).result is Result.AMOUNT_EXCEEDS_CAPTURED
    if Result.INSUFFICIENT_FUNDS in rules or Result.ACCOUNT_CLOSED in rules:
        cluster.pay("spend it", Leg(world.shop, world.bank, 600, "EUR"))
    if Result.ACCOUNT_CLOSED in rules:
        assert cluster.set_status(world.shop, "closed").result is Result.ACCEPTED
    if Result.ACCOUNT_FROZEN in rules:
        cluster.set_status(world.shop, "frozen")
    if Result.PAYMENT_NOT_FOUND in rules:
        place = (*place[:3], 1000)
    assert ask(world, cluster.refunding("", place, amounts_for(rules, Result.AMOUNT_EXCEEDS_CAPTURED))).result is rules[0]
    cluster.check()


@in_every_placement
def test_who_gives_back_is_judged_before_who_gets_back_but_between_hosts_the_home_comes_first(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.paid(world.leg(600))
    world.cluster.pay("spend it", Leg(world.shop, world.bank, 600, "EUR"))
    world.cluster.set_status(world.alice, "frozen")
    answer = ask(world, world.cluster.refunding("", place))
    expected = (Result.INSUFFICIENT_FUNDS, 1) if hosts == 1 else (Result.ACCOUNT_FROZEN, 0)
    assert (answer.result, answer.where) == expected


def test_every_refusal_has_a_place_in_these_tables() -> None:
    of_payments = {*test_precedence.FROM_RULES, *test_precedence.TO_RULES, Result.SAME_ACCOUNT, Result.BALANCE_CONDITION_FAILED}
    of_accounts = {Result.ACCOUNT_EXISTS, Result.ACCOUNT_NOT_EMPTY}
    without_a_rule = {Result.ACCEPTED, Result.SHARD_UNAVAILABLE}
    in_tables = {*of_payments, *CAPTURE_RULES, *REFUND_RULES, Result.VERSION_DIFFERS}
    assert in_tables | of_accounts | without_a_rule == set(Result)
