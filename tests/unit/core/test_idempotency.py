"""One effect per idempotency key, and one answer."""

import pytest

from processor.core import messages as m
from processor.core.messages import Leg
from processor.core.peers import Decide, Vote
from processor.core.results import Result
from processor.core.travel import ASK_AGAIN_MICROSECONDS, GIVE_UP_MICROSECONDS
from processor.core.turn import Pending
from tests.cluster import Cluster, account_on

PLACEMENTS = [(1, 1), (2, 1), (2, 2)]
IDS = ["one shard", "two shards of one host", "two hosts"]


def prepared(shards: int, hosts: int) -> tuple[Cluster, str, str]:
    """Return a cluster with a bank on shard 0 and a shop on the last shard."""
    cluster = Cluster(shards, hosts)
    bank, shop = account_on(0, shards, 0), account_on(shards - 1, shards, 1)
    cluster.open(bank, min_balance=None)
    cluster.open(shop)
    return cluster, bank, shop


@pytest.mark.parametrize("as_legs", [False, True], ids=["single", "legs"])
@pytest.mark.parametrize(("shards", "hosts"), PLACEMENTS, ids=IDS)
def test_the_same_key_and_body_gets_the_first_answer_again(shards: int, hosts: int, as_legs: bool) -> None:
    cluster, bank, shop = prepared(shards, hosts)
    first = cluster.pay("key", Leg(bank, shop, 7, "EUR"), as_legs=as_legs)
    cluster.now += 1_000_000
    again = cluster.pay("key", Leg(bank, shop, 7, "EUR"), as_legs=as_legs)
    assert (first.result, first.replayed, again.replayed) == (Result.ACCEPTED, False, True)
    assert (again.result, again.at, again.sequence, again.index) == (first.result, first.at, first.sequence, first.index)
    assert cluster.read(shop).posted == 7


@pytest.mark.parametrize(("shards", "hosts"), PLACEMENTS, ids=IDS)
def test_a_refusal_is_remembered_even_when_its_reason_is_gone(shards: int, hosts: int) -> None:
    cluster, bank, shop = prepared(shards, hosts)
    refused = cluster.pay("key", Leg(shop, bank, 7, "EUR"))
    assert cluster.pay("fund", Leg(bank, shop, 7, "EUR")).result is Result.ACCEPTED
    again = cluster.pay("key", Leg(shop, bank, 7, "EUR"))
    assert (refused.result, refused.replayed) == (Result.INSUFFICIENT_FUNDS, False)
    assert (again.result, again.replayed, again.where) == (Result.INSUFFICIENT_FUNDS, True, refused.where)
    assert (again.at, again.sequence, again.index) == (refused.at, refused.sequence, refused.index)
    assert cluster.pay("new key", Leg(shop, bank, 7, "EUR")).result is Result.ACCEPTED


@pytest.mark.parametrize(("shards", "hosts"), PLACEMENTS, ids=IDS)
def test_another_body_under_a_used_key_moves_nothing(shards: int, hosts: int) -> None:
    cluster, bank, shop = prepared(shards, hosts)
    cluster.pay("key", Leg(bank, shop, 7, "EUR"))
    assert cluster.pay("key", Leg(bank, shop, 8, "EUR")).result is Result.IDEMPOTENCY_KEY_REUSED
    assert cluster.pay("key", Leg(bank, shop, 7, "EUR")).replayed
    assert cluster.read(shop).posted == 7


@pytest.mark.parametrize(("shards", "hosts"), PLACEMENTS, ids=IDS)
def test_keys_are_remembered_after_a_crash(shards: int, hosts: int) -> None:
    cluster, bank, shop = prepared(shards, hosts)
    first = cluster.pay("key", Leg(bank, shop, 7, "EUR"))
    for host in range(hosts):
        cluster.crash(host)
    again = cluster.pay("key", Leg(bank, shop, 7, "EUR"))
    assert (again.sequence, again.index, again.replayed) == (first.sequence, first.index, True)


def test_who_asks_while_the_payment_travels_gets_the_same_outcome() -> None:
    cluster, bank, shop = prepared(2, 2)
    message = cluster.payment("key", [Leg(bank, shop, 7, "EUR")])
    first, again = cluster.turn(0, [message, message])
    assert isinstance(first, Pending)
    assert first == again
    other_body = cluster.payment("key", [Leg(bank, shop, 8, "EUR")])
    (reused,) = cluster.turn(0, [other_body])
    assert isinstance(reused, m.PaymentAnswer)
    assert reused.result is Result.IDEMPOTENCY_KEY_REUSED
    cluster.settle()
    assert cluster.completed[first.home, first.number].result is Result.ACCEPTED
    assert cluster.read(shop).posted == 7


def two_legs(cluster: Cluster, bank: str, shop: str) -> m.Pay | m.PayLegs:
    """Return a payment that needs both hosts to reserve."""
    return cluster.payment("key", [Leg(bank, shop, 7, "EUR"), Leg(bank, shop, 1, "EUR")])


def test_an_unreachable_shard_cancels_and_is_not_remembered() -> None:
    cluster, bank, shop = prepared(2, 2)
    (pending,) = cluster.turn(0, [two_legs(cluster, bank, shop)])
    assert isinstance(pending, Pending)
    cluster.in_flight.clear()
    cluster.tick(0, GIVE_UP_MICROSECONDS + 1)
    assert cluster.completed[pending.home, pending.number].result is Result.SHARD_UNAVAILABLE
    assert cluster.read(bank).pending_out == 0
    answer = cluster.ask(two_legs(cluster, bank, shop))
    assert isinstance(answer, m.PaymentAnswer)
    assert (answer.result, answer.replayed, cluster.read(shop).posted) == (Result.ACCEPTED, False, 8)


def test_a_vote_that_comes_after_the_payment_was_given_up_changes_nothing() -> None:
    cluster, bank, shop = prepared(2, 2)
    cluster.turn(0, [two_legs(cluster, bank, shop)])
    cluster.deliver()
    vote = cluster.in_flight.pop()
    assert isinstance(vote, Vote)
    cluster.tick(0, GIVE_UP_MICROSECONDS + 1)
    cluster.turn(0, peers=[vote])
    cluster.settle()
    assert (cluster.read(shop).posted, cluster.read(shop).pending_in, cluster.read(bank).posted) == (0, 0, 0)


def test_a_participant_that_first_hears_of_the_cancellation_refuses_the_late_question() -> None:
    cluster, bank, shop = prepared(2, 2)
    cluster.turn(0, [two_legs(cluster, bank, shop)])
    late = cluster.in_flight.pop()
    cluster.tick(0, GIVE_UP_MICROSECONDS + 1)
    assert [type(message) for message in cluster.in_flight] == [Decide]
    cluster.deliver()
    cluster.turn(1, peers=[late])
    cluster.settle()
    assert cluster.read(shop).pending_in == 0


def test_on_the_short_road_the_question_is_asked_until_it_is_answered() -> None:
    cluster, bank, shop = prepared(2, 2)
    (pending,) = cluster.turn(0, [cluster.payment("key", [Leg(bank, shop, 7, "EUR")])])
    assert isinstance(pending, Pending)
    for _ in range(3):
        cluster.in_flight.clear()
        cluster.tick(0, GIVE_UP_MICROSECONDS + ASK_AGAIN_MICROSECONDS)
    assert cluster.completed == {}
    cluster.settle()
    assert cluster.completed[pending.home, pending.number].result is Result.ACCEPTED


def test_a_clock_that_was_set_back_does_not_stop_a_travelling_payment() -> None:
    cluster, bank, shop = prepared(2, 2)
    (pending,) = cluster.turn(0, [two_legs(cluster, bank, shop)])
    assert isinstance(pending, Pending)
    cluster.in_flight.clear()
    cluster.now -= 3_600_000_000
    cluster.tick(0, 0)
    cluster.tick(0, ASK_AGAIN_MICROSECONDS + 1)
    assert len(cluster.in_flight) == 1
    cluster.settle()
    assert cluster.completed[pending.home, pending.number].result is Result.ACCEPTED


def test_a_payment_is_given_up_in_time_though_the_clock_was_set_back() -> None:
    cluster, bank, shop = prepared(2, 2)
    (pending,) = cluster.turn(0, [two_legs(cluster, bank, shop)])
    assert isinstance(pending, Pending)
    cluster.now -= 3_600_000_000
    cluster.tick(0, 0)
    cluster.tick(0, GIVE_UP_MICROSECONDS + 1)
    assert cluster.completed[pending.home, pending.number].result is Result.SHARD_UNAVAILABLE
