"""Refunds and reversals: never more than was captured, and the same rules for the accounts as for a payment."""

import pytest

from processor.core.messages import Leg
from processor.core.results import Result
from tests.cluster import account_on
from tests.unit.core.funded import FUNDS, IDS, PLACEMENTS, funded

in_every_placement = pytest.mark.parametrize(("shards", "hosts"), PLACEMENTS, ids=IDS)


@in_every_placement
def test_a_refund_without_amounts_gives_everything_back(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    answer = world.cluster.refund("refund", world.paid(world.leg(600)))
    assert answer.payment is not None
    assert (answer.result, answer.payment.status, answer.payment.refunded) == (Result.ACCEPTED, "refunded", (600,))
    assert (world.balances(world.alice), world.balances(world.shop)) == ((FUNDS, 0, 0), (0, 0, 0))
    world.cluster.check()


@in_every_placement
def test_refunds_in_parts_end_at_what_was_captured(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.paid(world.leg(600))
    answers = [world.cluster.refund(f"refund {amount}", place, (amount,)) for amount in (100, 450, 51, 50, 1)]
    assert [answer.result for answer in answers] == [
        Result.ACCEPTED, Result.ACCEPTED, Result.AMOUNT_EXCEEDS_CAPTURED, Result.ACCEPTED, Result.AMOUNT_EXCEEDS_CAPTURED,
    ]  # fmt: skip
    statuses = [answer.payment.status for answer in answers if answer.payment is not None]
    assert statuses == ["partially_refunded", "partially_refunded", "refunded"]
    assert world.cluster.refund("nothing is left", place).result is Result.AMOUNT_EXCEEDS_CAPTURED
    assert (world.balances(world.alice), world.balances(world.shop)) == ((FUNDS, 0, 0), (0, 0, 0))
    world.cluster.check()


@in_every_placement
def test_of_a_hold_only_what_was_captured_is_refunded(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.held(world.leg(600))
    assert world.cluster.refund("too early", place, (1,)).result is Result.AMOUNT_EXCEEDS_CAPTURED
    world.cluster.capture("capture", place, (200,), final=False)
    assert world.cluster.refund("too much", place, (201,)).result is Result.AMOUNT_EXCEEDS_CAPTURED
    answer = world.cluster.refund("refund", place)
    assert answer.payment is not None
    assert (answer.payment.status, answer.payment.held, answer.payment.refunded) == ("held", (400,), (200,))
    world.cluster.capture("the rest", place)
    assert world.balances(world.shop) == (400, 0, 0)
    world.cluster.check()


@in_every_placement
def test_a_refund_needs_money_on_the_account_that_gives_it_back(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.paid(world.leg(600))
    world.cluster.pay("the shop spends it", Leg(world.shop, world.bank, 500, "EUR"))
    refused = world.cluster.refund("refund", place)
    assert (refused.result, refused.where) == (Result.INSUFFICIENT_FUNDS, 1)
    again = world.cluster.refund("refund", place)
    assert (again.result, again.where, again.replayed) == (Result.INSUFFICIENT_FUNDS, 1, True)
    assert world.cluster.refund("a part", place, (100,)).result is Result.ACCEPTED
    world.cluster.check()


@in_every_placement
def test_a_refund_keys_outcome_is_told_again(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.paid(world.leg(600))
    first = world.cluster.refund("key", place, (100,))
    again = world.cluster.refund("key", place, (100,))
    assert (again.result, again.replayed, again.sequence, again.index) == (Result.ACCEPTED, True, first.sequence, first.index)
    assert world.cluster.refund("key", place, (101,)).result is Result.IDEMPOTENCY_KEY_REUSED
    assert world.balances(world.shop) == (500, 0, 0)


@in_every_placement
@pytest.mark.parametrize("frozen", ["alice", "shop"])
def test_frozen_accounts_stop_a_refund_but_not_a_reversal(shards: int, hosts: int, frozen: str) -> None:
    world = funded(shards, hosts)
    place = world.paid(world.leg(600))
    world.cluster.set_status(world.alice if frozen == "alice" else world.shop, "frozen")
    refused = world.cluster.refund("refund", place)
    assert (refused.result, refused.where) == (Result.ACCOUNT_FROZEN, 0 if frozen == "alice" else 1)
    reversed_ = world.cluster.refund("reversal", place, reason="paid by mistake")
    assert (reversed_.result, world.balances(world.alice)) == (Result.ACCEPTED, (FUNDS, 0, 0))
    world.cluster.check()


@in_every_placement
def test_closed_accounts_stop_a_reversal_too(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.paid(world.leg(600))
    world.cluster.pay("the shop spends it", Leg(world.shop, world.bank, 600, "EUR"))
    assert world.cluster.set_status(world.shop, "closed").result is Result.ACCEPTED
    answer = world.cluster.refund("reversal", place, reason="paid by mistake")
    assert (answer.result, answer.where) == (Result.ACCOUNT_CLOSED, 1)


@in_every_placement
def test_several_legs_go_back_last_leg_first(shards: int, hosts: int) -> None:
    """So that what came in through the first leg and went on through the second can come back at all."""
    world = funded(shards, hosts)
    place = world.paid(world.leg(600), Leg(world.shop, world.bank, 600, "EUR"))
    answer = world.cluster.refund("refund", place)
    assert (answer.result, world.balances(world.alice), world.balances(world.shop)) == (
        Result.ACCEPTED, (FUNDS, 0, 0), (0, 0, 0),
    )  # fmt: skip
    world.cluster.check()


@in_every_placement
def test_a_refund_may_take_back_one_leg_of_several(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    place = world.paid(world.leg(600), Leg(world.bank, world.shop, 50, "EUR"))
    answer = world.cluster.refund("refund", place, (0, 50))
    assert answer.payment is not None
    assert (answer.payment.status, answer.payment.refunded) == ("partially_refunded", (0, 50))
    assert world.cluster.refund("more of it", place, (0, 1)).where == 2
    assert world.cluster.refund("the rest", place).result is Result.ACCEPTED
    assert (world.balances(world.alice), world.balances(world.shop)) == ((FUNDS, 0, 0), (0, 0, 0))
    world.cluster.check()


@in_every_placement
def test_an_account_that_cannot_take_the_money_back_refuses_it(shards: int, hosts: int) -> None:
    world = funded(shards, hosts)
    small = account_on(0, shards, 7)
    world.cluster.open(small, max_balance=100)
    world.cluster.pay("fund it", Leg(world.bank, small, 100, "EUR"))
    place = world.paid(Leg(small, world.shop, 60, "EUR"))
    assert world.cluster.pay("fill it again", Leg(world.bank, small, 60, "EUR")).result is Result.ACCEPTED
    answer = world.cluster.refund("refund", place)
    assert (answer.result, answer.where) == (Result.LIMIT_EXCEEDED, 0)
    world.cluster.check()


def test_a_payment_that_was_never_made_cannot_be_refunded() -> None:
    world = funded(1, 1)
    shard, at, sequence, index = world.paid(world.leg(600))
    for other in [(shard, at + 1, sequence, index), (shard, at, sequence + 1, index), (shard, at, sequence, index + 1)]:
        assert world.cluster.refund("key", other).result is Result.PAYMENT_NOT_FOUND
    refused = world.cluster.pay("refused", world.leg(FUNDS))
    assert refused.result is Result.INSUFFICIENT_FUNDS
    assert world.cluster.refund("key", world.place(refused)).result is Result.PAYMENT_NOT_FOUND
