"""Payments of several legs: in order, all or nothing, on any placement."""

import pytest

from processor.core.messages import Leg
from processor.core.results import Result
from tests.cluster import Cluster, account_on

LARGEST = 2**63 - 1
PLACEMENTS = [(1, 1), (3, 1), (3, 2), (3, 3)]
IDS = ["one shard", "three shards of one host", "three shards of two hosts", "three hosts"]

on_every_placement = pytest.mark.parametrize(("shards", "hosts"), PLACEMENTS, ids=IDS)


@on_every_placement
def test_a_leg_may_spend_what_an_earlier_one_brought(shards: int, hosts: int) -> None:
    cluster = Cluster(shards, hosts)
    bank, first, second = (account_on(number % shards, shards, number) for number in range(3))
    cluster.open(bank, min_balance=None)
    cluster.open(first)
    cluster.open(second)
    answer = cluster.pay("key", Leg(bank, first, 10, "EUR"), Leg(first, second, 10, "EUR"))
    assert answer.result is Result.ACCEPTED
    assert [cluster.read(name).posted for name in (bank, first, second)] == [-10, 0, 10]
    cluster.check()


@on_every_placement
def test_a_leg_may_not_spend_what_a_later_one_brings(shards: int, hosts: int) -> None:
    cluster = Cluster(shards, hosts)
    bank, first, second = (account_on(number % shards, shards, number) for number in range(3))
    cluster.open(bank, min_balance=None)
    cluster.open(first)
    cluster.open(second)
    answer = cluster.pay("key", Leg(bank, first, 9, "EUR"), Leg(first, second, 10, "EUR"), Leg(bank, first, 1, "EUR"))
    assert (answer.result, answer.where) == (Result.INSUFFICIENT_FUNDS, 2)
    assert [cluster.read(name).posted for name in (bank, first, second)] == [0, 0, 0]
    cluster.check()


@on_every_placement
def test_thirty_two_legs_take_effect_together(shards: int, hosts: int) -> None:
    cluster = Cluster(shards, hosts)
    accounts = [account_on(number % shards, shards, number) for number in range(33)]
    cluster.open(accounts[0], min_balance=None)
    for account in accounts[1:]:
        cluster.open(account)
    legs = [Leg(before, after, 5, "EUR") for before, after in zip(accounts, accounts[1:], strict=False)]
    assert cluster.pay("key", *legs).result is Result.ACCEPTED
    assert [cluster.read(account).posted for account in accounts] == [-5, *[0] * 31, 5]
    refused = cluster.pay("other key", *legs[:-1], Leg(accounts[31], "nobody", 5, "EUR"))
    assert (refused.result, refused.where) == (Result.ACCOUNT_NOT_FOUND, 63)
    assert [cluster.read(account).posted for account in accounts] == [-5, *[0] * 31, 5]
    cluster.check()


@on_every_placement
def test_balances_reach_the_largest_amount_and_no_further(shards: int, hosts: int) -> None:
    cluster = Cluster(shards, hosts)
    bank, vault = account_on(0, shards, 0), account_on(shards - 1, shards, 1)
    cluster.open(bank, min_balance=None)
    cluster.open(vault)
    assert cluster.pay("all", Leg(bank, vault, LARGEST, "EUR")).result is Result.ACCEPTED
    assert (cluster.read(bank).posted, cluster.read(vault).posted) == (-LARGEST, LARGEST)
    assert cluster.pay("more", Leg(bank, vault, 1, "EUR")).result is Result.LIMIT_EXCEEDED
    other = account_on(0, shards, 2)
    cluster.open(other, min_balance=None)
    too_much = cluster.pay("too much", Leg(other, vault, 1, "EUR"))
    assert (too_much.result, too_much.where) == (Result.LIMIT_EXCEEDED, 1)
    assert cluster.pay("back", Leg(vault, bank, LARGEST, "EUR")).result is Result.ACCEPTED
    cluster.check()


@on_every_placement
def test_sums_beyond_sixty_four_bits_are_recorded_and_read(shards: int, hosts: int) -> None:
    """No balance passes 2^63 - 1, but a shard's sum, and what one payment sends to it, may."""
    cluster = Cluster(shards, hosts)
    pairs = [(account_on(0, shards, number), account_on(shards - 1, shards, 10 + number)) for number in range(3)]
    for source, target in pairs:
        cluster.open(source, min_balance=None)
        cluster.open(target)
    answer = cluster.pay("key", *(Leg(source, target, LARGEST, "EUR") for source, target in pairs))
    assert answer.result is Result.ACCEPTED
    if shards > 1:
        assert cluster.all_shards()[-1].posted == {"EUR": 3 * LARGEST}
    cluster.check()


def test_escrow_reserves_what_the_legs_need_at_worst() -> None:
    cluster = Cluster(2, 2)
    bank, here, there = account_on(0, 2, 0), account_on(0, 2, 1), account_on(1, 2, 2)
    cluster.open(bank, min_balance=None)
    cluster.open(here)
    cluster.open(there)
    cluster.pay("fund", Leg(bank, here, 10, "EUR"))
    legs = [Leg(here, there, 10, "EUR"), Leg(bank, here, 4, "EUR"), Leg(here, there, 3, "EUR")]
    cluster.turn(0, [cluster.payment("key", legs)])
    held = cluster.ledgers[0].shards[0].accounts[here]
    assert (held.posted, held.pending_out, held.pending_in) == (10, 10, 0)
    (answer,) = cluster.turn(0, [cluster.payment("rival", [Leg(here, bank, 1, "EUR")])])
    assert getattr(answer, "result", None) is Result.INSUFFICIENT_FUNDS
    cluster.settle()
    assert (cluster.read(here).posted, cluster.read(there).posted) == (1, 13)
    cluster.check()
