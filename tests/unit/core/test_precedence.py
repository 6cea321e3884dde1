"""When a payment breaks several rules, the answer names the first: the `from` side before the `to` side, then the order of Result."""

from collections.abc import Sequence
from itertools import combinations, product
from typing import Literal, NamedTuple

import pytest

from processor.core.messages import AnyMessage, Condition, Leg, PaymentAnswer
from processor.core.results import Result
from tests.cluster import HOUR_MICROSECONDS, Cluster, account_on, digest

AMOUNT = 100
LARGEST = 2**63 - 1


class Placement(NamedTuple):
    """Where the two accounts live, and as which message the payment is sent."""

    shards: int
    hosts: int
    to_shard: int
    how: Literal["single", "legs", "hold"]

    def send(
        self,
        cluster: Cluster,
        leg: Leg,
        body: int = 0,
        conditions: tuple[Condition, ...] | None = None,
        version: int | None = None,
    ) -> PaymentAnswer:
        """Send the payment under the one key that there is, and return the answer; another `body` is another request."""
        message: AnyMessage
        if self.how == "hold":
            message = cluster.holding("key", [leg], HOUR_MICROSECONDS + body, conditions, version)
        else:
            fingerprint = digest((leg, body, conditions))
            message = cluster.payment("key", [leg], fingerprint, self.how == "legs", conditions, version)
        answer = cluster.ask(message)
        assert isinstance(answer, PaymentAnswer)
        return answer


PLACEMENTS = {
    "one shard": Placement(1, 1, 0, "single"),
    "one shard, as legs": Placement(1, 1, 0, "legs"),
    "one shard, as a hold": Placement(1, 1, 0, "hold"),
    "two shards of one host": Placement(2, 1, 1, "single"),
    "two shards of one host, as legs": Placement(2, 1, 1, "legs"),
    "two shards of one host, as a hold": Placement(2, 1, 1, "hold"),
    "two hosts": Placement(2, 2, 1, "single"),
    "two hosts, as legs": Placement(2, 2, 1, "legs"),
    "two hosts, as a hold": Placement(2, 2, 1, "hold"),
}

FROM_RULES = [
    Result.ACCOUNT_NOT_FOUND,
    Result.ACCOUNT_CLOSED,
    Result.ACCOUNT_FROZEN,
    Result.CURRENCY_MISMATCH,
    Result.INSUFFICIENT_FUNDS,
    Result.LIMIT_EXCEEDED,
]
TO_RULES = [rule for rule in FROM_RULES if rule is not Result.INSUFFICIENT_FUNDS]
SAME_ACCOUNT_WITH = [*FROM_RULES, Result.SAME_ACCOUNT]

IMPOSSIBLE_TOGETHER = [
    # An account is in one status; a closed one is empty, so nothing is beyond its lower limit; the bound of `from` is one of two kinds.
    {Result.ACCOUNT_CLOSED, Result.ACCOUNT_FROZEN},
    {Result.ACCOUNT_CLOSED, Result.LIMIT_EXCEEDED},
    {Result.INSUFFICIENT_FUNDS, Result.LIMIT_EXCEEDED},
]


def possible(rules: tuple[Result, ...], is_from: bool) -> bool:
    """Whether one account can break these rules at once."""
    if Result.ACCOUNT_NOT_FOUND in rules:
        return len(rules) == 1
    excluded = IMPOSSIBLE_TOGETHER if is_from else IMPOSSIBLE_TOGETHER[:1]
    return not any(pair <= set(rules) for pair in excluded)


def prepare_from(cluster: Cluster, account: str, rules: tuple[Result, ...]) -> None:
    """Make an account that breaks exactly these rules when AMOUNT EUR is to leave it."""
    if Result.ACCOUNT_NOT_FOUND in rules:
        return
    currency = "USD" if Result.CURRENCY_MISMATCH in rules else "EUR"
    cluster.open(account, currency, min_balance=0 if Result.INSUFFICIENT_FUNDS in rules else None)
    if Result.LIMIT_EXCEEDED in rules:
        sink = account_on(0, cluster.shards, 9)
        cluster.open(sink, currency, min_balance=None)
        assert cluster.pay("empty it", Leg(account, sink, LARGEST, currency)).result is Result.ACCEPTED
    set_status(cluster, account, rules)


def prepare_to(cluster: Cluster, account: str, rules: tuple[Result, ...]) -> None:
    """Make an account that breaks exactly these rules when AMOUNT EUR is to arrive on it."""
    if Result.ACCOUNT_NOT_FOUND in rules:
        return
    currency = "USD" if Result.CURRENCY_MISMATCH in rules else "EUR"
    cluster.open(account, currency, max_balance=AMOUNT - 1 if Result.LIMIT_EXCEEDED in rules else None)
    set_status(cluster, account, rules)


def set_status(cluster: Cluster, account: str, rules: tuple[Result, ...]) -> None:
    """Freeze or close the account if a rule says so."""
    if Result.ACCOUNT_FROZEN in rules:
        cluster.set_status(account, "frozen")
    if Result.ACCOUNT_CLOSED in rules:
        assert cluster.set_status(account, "closed").result is Result.ACCEPTED


def sets_of_rules(rules: Sequence[Result], is_from: bool) -> list[tuple[Result, ...]]:
    """Return every rule alone and every possible pair."""
    sets = [*combinations(rules, 1), *combinations(rules, 2)]
    return [each for each in sets if possible(each, is_from)]


@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=PLACEMENTS)
@pytest.mark.parametrize("rules", sets_of_rules(FROM_RULES, True), ids=str)
def test_the_first_broken_rule_of_the_from_side_is_the_answer(rules: tuple[Result, ...], placement: Placement) -> None:
    cluster = Cluster(placement.shards, placement.hosts)
    source, target = account_on(0, placement.shards, 1), account_on(placement.to_shard, placement.shards, 2)
    prepare_from(cluster, source, rules)
    prepare_to(cluster, target, ())
    answer = placement.send(cluster, Leg(source, target, AMOUNT, "EUR"))
    assert (answer.result, answer.where) == (min(rules), 0)


@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=PLACEMENTS)
@pytest.mark.parametrize("rules", sets_of_rules(TO_RULES, False), ids=str)
def test_the_first_broken_rule_of_the_to_side_is_the_answer(rules: tuple[Result, ...], placement: Placement) -> None:
    cluster = Cluster(placement.shards, placement.hosts)
    source, target = account_on(0, placement.shards, 1), account_on(placement.to_shard, placement.shards, 2)
    prepare_from(cluster, source, ())
    prepare_to(cluster, target, rules)
    answer = placement.send(cluster, Leg(source, target, AMOUNT, "EUR"))
    assert (answer.result, answer.where) == (min(rules), 1)


@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=PLACEMENTS)
@pytest.mark.parametrize(("of_from", "of_to"), list(product(FROM_RULES, TO_RULES)), ids=str)
def test_the_from_side_is_judged_before_the_to_side(of_from: Result, of_to: Result, placement: Placement) -> None:
    cluster = Cluster(placement.shards, placement.hosts)
    source, target = account_on(0, placement.shards, 1), account_on(placement.to_shard, placement.shards, 2)
    prepare_from(cluster, source, (of_from,))
    prepare_to(cluster, target, (of_to,))
    answer = placement.send(cluster, Leg(source, target, AMOUNT, "EUR"))
    assert (answer.result, answer.where) == (of_from, 0)


@pytest.mark.parametrize("how", ["single", "legs", "hold"])
@pytest.mark.parametrize("rule", SAME_ACCOUNT_WITH, ids=str)
def test_the_same_account_on_both_sides_is_refused_after_its_state_and_before_its_balance(
    rule: Result, how: Literal["single", "legs", "hold"]
) -> None:
    cluster = Cluster(1)
    account = account_on(0, 1, 1)
    prepare_from(cluster, account, (rule,))
    answer = Placement(1, 1, 0, how).send(cluster, Leg(account, account, AMOUNT, "EUR"))
    assert (answer.result, answer.where) == (min(rule, Result.SAME_ACCOUNT), 0)


@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=PLACEMENTS)
@pytest.mark.parametrize("rule", FROM_RULES, ids=str)
def test_a_key_used_with_another_body_is_refused_before_any_other_rule(rule: Result, placement: Placement) -> None:
    cluster = Cluster(placement.shards, placement.hosts)
    source, target = account_on(0, placement.shards, 1), account_on(placement.to_shard, placement.shards, 2)
    prepare_from(cluster, source, (rule,))
    prepare_to(cluster, target, ())
    placement.send(cluster, Leg(source, target, AMOUNT, "EUR"), body=1)
    answer = placement.send(cluster, Leg(source, target, AMOUNT, "EUR"), body=2)
    assert (answer.result, answer.replayed) == (Result.IDEMPOTENCY_KEY_REUSED, False)


@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=PLACEMENTS)
@pytest.mark.parametrize("rule", [*FROM_RULES, Result.ACCEPTED], ids=str)
def test_a_failed_condition_is_reported_after_every_rule_of_the_accounts(rule: Result, placement: Placement) -> None:
    cluster = Cluster(placement.shards, placement.hosts)
    source, target = account_on(0, placement.shards, 1), account_on(placement.to_shard, placement.shards, 2)
    prepare_from(cluster, source, (rule,))
    prepare_to(cluster, target, ())
    conditions = (Condition(source, "posted", "lte", LARGEST), Condition(source, "pending_in", "gt", 0))
    answer = placement.send(cluster, Leg(source, target, AMOUNT, "EUR"), conditions=conditions)
    expected = (Result.BALANCE_CONDITION_FAILED, 1) if rule is Result.ACCEPTED else (rule, 0)
    assert (answer.result, answer.where) == expected


@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=PLACEMENTS)
@pytest.mark.parametrize("rule", [*FROM_RULES, Result.BALANCE_CONDITION_FAILED], ids=str)
def test_another_version_is_reported_before_every_rule_but_that_the_account_exists(rule: Result, placement: Placement) -> None:
    cluster = Cluster(placement.shards, placement.hosts)
    source, target = account_on(0, placement.shards, 1), account_on(placement.to_shard, placement.shards, 2)
    prepare_from(cluster, source, (rule,))
    prepare_to(cluster, target, ())
    conditions = (Condition(source, "pending_in", "gt", 0),) if rule is Result.BALANCE_CONDITION_FAILED else None
    answer = placement.send(cluster, Leg(source, target, AMOUNT, "EUR"), conditions=conditions, version=99)
    assert answer.result is (rule if rule is Result.ACCOUNT_NOT_FOUND else Result.VERSION_DIFFERS)
    assert placement.send(cluster, Leg(source, target, AMOUNT, "EUR"), conditions=conditions).replayed == (
        rule is Result.ACCOUNT_NOT_FOUND
    )


@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=PLACEMENTS)
def test_a_key_that_was_used_is_answered_before_the_version_is_looked_at(placement: Placement) -> None:
    cluster = Cluster(placement.shards, placement.hosts)
    source, target = account_on(0, placement.shards, 1), account_on(placement.to_shard, placement.shards, 2)
    prepare_from(cluster, source, ())
    prepare_to(cluster, target, ())
    leg = Leg(source, target, AMOUNT, "EUR")
    version = cluster.read(source).version
    assert placement.send(cluster, leg, version=version).result is Result.ACCEPTED
    again = placement.send(cluster, leg, version=version)
    assert (again.result, again.replayed) == (Result.ACCEPTED, True)


@pytest.mark.parametrize(("hosts", "shards"), [(1, 1), (1, 3)], ids=["one shard", "three shards of one host"])
def test_legs_are_judged_in_order(hosts: int, shards: int) -> None:
    cluster = Cluster(shards, hosts)
    bank, first, second = (account_on(number % shards, shards, number) for number in range(3))
    cluster.open(bank, min_balance=None)
    cluster.open(first)
    missing = account_on(0, shards, 8)
    legs = [Leg(bank, first, 5, "EUR"), Leg(first, second, 5, "EUR"), Leg(missing, bank, 5, "EUR")]
    answer = cluster.pay("key", *legs)
    assert (answer.result, answer.where) == (Result.ACCOUNT_NOT_FOUND, 3)
    cluster.open(second)
    assert (cluster.pay("other key", *legs).where, cluster.read(first).version) == (4, 1)


def test_over_several_hosts_the_home_is_judged_before_the_others() -> None:
    """A stated difference: the hosts cannot see each other's accounts, so the home's own legs come first."""
    cluster = Cluster(2, 2)
    bank, poor = account_on(0, 2, 0), account_on(0, 2, 1)
    cluster.open(bank, min_balance=None)
    cluster.open(poor)
    missing = account_on(1, 2, 0)
    answer = cluster.pay("key", Leg(bank, missing, 5, "EUR"), Leg(poor, bank, 5, "EUR"))
    assert (answer.result, answer.where) == (Result.INSUFFICIENT_FUNDS, 2)
