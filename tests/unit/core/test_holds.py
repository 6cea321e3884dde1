"""Holds: what they reserve, and how capture, void and time share them out."""

import pytest

from processor.core import messages as m
from processor.core.messages import Condition, Leg
from processor.core.results import Result
from tests.unit.core.funded import FUNDS, IDS, PLACEMENTS, funded

in_every_placement = pytest.mark.parametrize(("shards", "hosts"), PLACEMENTS, ids=IDS)


@in_every_placement
def test_a_hold_reserves_without_moving_anything(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    payment = world.cluster.read_payment(world.held(world.leg(600))).payment
    assert payment is not None
    assert (payment.status, payment.held, payment.captured) == ("held", (600,), (0,))
    assert (world.balances(world.alice), world.balances(world.shop)) == ((FUNDS, 600, 0), (0, 0, 600))
    world.cluster.check()


@in_every_placement
def test_held_money_cannot_be_spent_again(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    world.held(world.leg(600))
    assert world.cluster.pay("pay", world.leg(401)).result is Result.INSUFFICIENT_FUNDS
    assert world.cluster.hold("hold more", world.leg(401)).result is Result.INSUFFICIENT_FUNDS
    assert world.cluster.pay("what is left", world.leg(400)).result is Result.ACCEPTED
    world.cluster.check()


@in_every_placement
def test_a_capture_without_amounts_posts_everything_that_is_held(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    answer = world.cluster.capture("capture", world.held(world.leg(600)))
    assert answer.payment is not None
    assert (answer.result, answer.payment.status, answer.payment.captured) == (Result.ACCEPTED, "succeeded", (600,))
    assert (world.balances(world.alice), world.balances(world.shop)) == ((400, 0, 0), (600, 0, 0))
    world.cluster.check()


@in_every_placement
def test_a_final_capture_of_a_part_releases_the_rest(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600))
    answer = world.cluster.capture("capture", place, (250,))
    assert answer.payment is not None
    assert (answer.payment.status, answer.payment.held, answer.payment.captured) == ("succeeded", (0,), (250,))
    assert (world.balances(world.alice), world.balances(world.shop)) == ((750, 0, 0), (250, 0, 0))
    assert world.cluster.capture("more", place, (1,)).result is Result.PAYMENT_NOT_HELD
    world.cluster.check()


@in_every_placement
def test_captures_that_are_not_final_leave_the_rest_held(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600))
    first = world.cluster.capture("first", place, (100,), final=False)
    second = world.cluster.capture("second", place, (200,), final=False)
    assert [answer.payment and answer.payment.status for answer in (first, second)] == ["held", "held"]
    assert (world.balances(world.alice), world.balances(world.shop)) == ((700, 300, 0), (300, 0, 300))
    assert world.cluster.capture("too much", place, (301,)).result is Result.AMOUNT_EXCEEDS_HELD
    assert world.cluster.capture("last", place).payment is not None
    assert world.balances(world.shop) == (600, 0, 0)
    world.cluster.check()


@in_every_placement
def test_the_last_capture_that_is_not_final_ends_the_hold_when_nothing_is_left(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600))
    answer = world.cluster.capture("capture", place, (600,), final=False)
    assert answer.payment is not None
    assert answer.payment.status == "succeeded"
    assert world.cluster.void("void", place).result is Result.PAYMENT_NOT_HELD


@in_every_placement
def test_a_void_gives_back_all_that_is_held(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600))
    answer = world.cluster.void("void", place)
    assert answer.payment is not None
    assert (answer.payment.status, world.balances(world.alice), world.balances(world.shop)) == (
        "voided",
        (FUNDS, 0, 0),
        (0, 0, 0),
    )
    assert world.cluster.capture("capture", place).result is Result.PAYMENT_NOT_HELD
    world.cluster.check()


@in_every_placement
def test_a_void_after_a_capture_keeps_what_was_captured(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600))
    world.cluster.capture("capture", place, (200,), final=False)
    answer = world.cluster.void("void", place)
    assert answer.payment is not None
    assert (answer.payment.status, world.balances(world.alice), world.balances(world.shop)) == (
        "succeeded", (800, 0, 0), (200, 0, 0),
    )  # fmt: skip
    world.cluster.check()


@in_every_placement
def test_a_hold_ends_by_itself_when_its_time_has_come(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600), lasts_microseconds=60_000_000)
    world.cluster.let_holds_expire(60_000_000)
    payment = world.cluster.read_payment(place).payment
    assert payment is not None
    assert (payment.status, world.balances(world.alice), world.balances(world.shop)) == ("expired", (FUNDS, 0, 0), (0, 0, 0))
    assert world.cluster.audit.overdue() == []
    world.cluster.check()


@pytest.mark.parametrize(("late_microseconds", "expected"), [(-1, Result.ACCEPTED), (0, Result.PAYMENT_NOT_HELD)])
@pytest.mark.parametrize("what", ["capture", "void"])
def test_capture_and_void_win_before_the_time_and_lose_from_it_on(what: str, late_microseconds: int, expected: Result) -> None:
    world = funded(1, 1)
    place = world.held(world.leg(600), lasts_microseconds=1_000_000)
    world.cluster.now += 1_000_000 + late_microseconds
    answer = world.cluster.capture("key", place) if what == "capture" else world.cluster.void("key", place)
    assert answer.result is expected
    world.cluster.check()


def test_the_time_of_a_hold_does_not_go_back_with_the_clock() -> None:
    world = funded(1, 1)
    place = world.held(world.leg(600), lasts_microseconds=1_000_000)
    world.cluster.let_holds_expire(1_000_000)
    world.cluster.now -= 3_600_000_000
    assert world.cluster.capture("key", place).result is Result.PAYMENT_NOT_HELD


def test_of_many_holds_only_those_whose_time_has_come_end() -> None:
    world = funded(1, 1)
    places = [world.held(world.leg(10), lasts_microseconds=seconds * 1_000_000, key=f"hold {seconds}") for seconds in (5, 1, 3)]
    world.cluster.let_holds_expire(3_000_000)
    payments = [world.cluster.read_payment(place).payment for place in places]
    assert [payment and payment.status for payment in payments] == ["held", "expired", "expired"]


@in_every_placement
def test_a_hold_expires_on_the_host_that_took_the_shard_over(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600), lasts_microseconds=1_000_000)
    for host in range(hosts):
        world.cluster.crash(host)
    world.cluster.move(place[0], hosts - 1)
    world.cluster.let_holds_expire(1_000_000)
    payment = world.cluster.read_payment(place).payment
    assert payment is not None
    assert payment.status == "expired"
    world.cluster.check()


@in_every_placement
def test_legs_are_captured_each_by_its_own_amount(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    back = Leg(world.bank, world.alice, 70, "EUR")
    place = world.held(world.leg(300), back, world.leg(5))
    assert world.balances(world.alice) == (FUNDS, 305, 70)
    answer = world.cluster.capture("first", place, (100, 0, 5), final=False)
    assert answer.payment is not None
    assert (answer.payment.held, answer.payment.captured) == ((200, 70, 0), (100, 0, 5))
    assert world.balances(world.alice) == (895, 200, 70)
    assert world.cluster.capture("too much of one", place, (0, 71, 0)).where == 2
    world.cluster.capture("last", place, (0, 70, 0))
    assert (world.balances(world.alice), world.balances(world.shop)) == ((965, 0, 0), (105, 0, 0))
    world.cluster.check()


@in_every_placement
def test_a_leg_of_a_hold_cannot_count_on_what_another_brings(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    legs = (Leg(world.bank, world.shop, 50, "EUR"), Leg(world.shop, world.bank, 50, "EUR"))
    assert world.cluster.pay("at once", *legs).result is Result.ACCEPTED
    refused = world.cluster.hold("as a hold", *legs)
    assert (refused.result, refused.where) == (Result.INSUFFICIENT_FUNDS, 2)
    world.cluster.check()


@in_every_placement
@pytest.mark.parametrize("what", ["capture", "void"])
def test_a_key_tells_its_outcome_again_and_does_nothing_more(shards: int, hosts: int, what: str) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600))

    def ask() -> m.OperationAnswer:
        cluster = world.cluster
        return cluster.capture("key", place, (100,), final=False) if what == "capture" else cluster.void("key", place)

    first, again = ask(), ask()
    assert (first.replayed, again.replayed, again.payment) == (False, True, None)
    assert (again.result, again.at, again.sequence, again.index) == (first.result, first.at, first.sequence, first.index)
    reused = world.cluster.capture("key", place, (99,))
    assert reused.result is Result.IDEMPOTENCY_KEY_REUSED
    world.cluster.check()


def test_a_hold_answers_its_key_again_and_refuses_another_body() -> None:
    world = funded(1, 1)
    first = world.cluster.hold("key", world.leg(5))
    again = world.cluster.hold("key", world.leg(5))
    assert (again.replayed, again.sequence, again.index) == (True, first.sequence, first.index)
    assert world.cluster.hold("key", world.leg(6)).result is Result.IDEMPOTENCY_KEY_REUSED
    assert world.balances(world.alice) == (FUNDS, 5, 0)


def test_an_account_with_something_held_is_not_closed() -> None:
    world = funded(1, 1)
    place = world.held(world.leg(5))
    assert world.cluster.set_status(world.shop, "closed").result is Result.ACCOUNT_NOT_EMPTY
    world.cluster.void("void", place)
    assert world.cluster.set_status(world.shop, "closed").result is Result.ACCEPTED


@in_every_placement
def test_a_capture_is_not_stopped_by_a_freeze_that_came_after_the_hold(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600))
    world.cluster.set_status(world.alice, "frozen")
    world.cluster.set_status(world.shop, "frozen")
    assert world.cluster.capture("capture", place).result is Result.ACCEPTED
    world.cluster.check()


@in_every_placement
@pytest.mark.parametrize("comparison", ["gte", "gt", "lte", "lt", "eq"])
@pytest.mark.parametrize("difference", [-1, 0, 1])
def test_a_condition_is_judged_by_the_balance_before_the_payment(
    shards: int, hosts: int, comparison: m.Comparison, difference: int
) -> None:
    world = funded(shards, hosts)
    world.held(world.leg(100))
    holds = {"gte": difference <= 0, "gt": difference < 0, "lte": difference >= 0, "lt": difference > 0, "eq": difference == 0}
    expected = Result.ACCEPTED if holds[comparison] else Result.BALANCE_CONDITION_FAILED
    conditions = (Condition(world.alice, "available", comparison, FUNDS - 100 + difference),)
    paid = world.cluster.ask(world.cluster.payment("pay", [world.leg(1)], conditions=conditions))
    assert isinstance(paid, m.PaymentAnswer)
    assert paid.result is expected
    spent = 1 if expected is Result.ACCEPTED else 0
    others = (Condition(world.shop, "pending_in", comparison, 100 + difference), Condition(world.shop, "posted", "eq", spent))
    assert world.cluster.hold("another hold", world.leg(1), conditions=others).result is expected
    world.cluster.check()


@in_every_placement
def test_a_payment_that_names_an_old_version_of_its_account_leaves_no_trace(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    version = world.cluster.read(world.alice).version
    assert world.cluster.hold("key", world.leg(5), version=version - 1).result is Result.VERSION_DIFFERS
    answer = world.cluster.ask(world.cluster.payment("pay", [world.leg(5)], version=version + 1))
    assert isinstance(answer, m.PaymentAnswer)
    assert answer.result is Result.VERSION_DIFFERS
    accepted = world.cluster.hold("key", world.leg(5), version=version)
    assert (accepted.result, accepted.replayed) == (Result.ACCEPTED, False)
    assert world.cluster.read(world.alice).version > version
    world.cluster.check()
