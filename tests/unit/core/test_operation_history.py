"""The journal alone tells what was done to a payment, and how the payment stood right after."""

import asyncio
from collections.abc import Sequence

import pytest

from processor.core import messages as m
from processor.core.ids import Place
from processor.core.messages import Leg
from processor.core.results import Result
from processor.operation_history import RECORDS_KEPT, OperationHistory, RecordedOperation
from tests.cluster import Cluster, account_on, place_of
from tests.unit.core.test_history import stored

HomePlace = tuple[int, int, int, int]


def find(cluster: Cluster, asked: Sequence[tuple[HomePlace, m.OperationAnswer]]) -> list[RecordedOperation | None]:
    """Return what one history finds for each payment and answer."""

    async def search() -> list[RecordedOperation | None]:
        history = OperationHistory(await stored(cluster))
        return [
            await history.find(Place(at, shard, sequence, index), Place(done.at, shard, done.sequence, done.index), done.as_of)
            for (shard, at, sequence, index), done in asked
        ]

    return asyncio.run(search())


def opened(hosts: int) -> tuple[Cluster, Leg, Leg]:
    """Return a cluster, and two legs that touch all three shards."""
    cluster = Cluster(3, hosts)
    home, near, far = (account_on(shard, 3, 0) for shard in (0, 2, 1))
    for account in (home, near, far):
        cluster.open(account, min_balance=None)
    return cluster, Leg(home, far, 50, "EUR"), Leg(near, home, 60, "EUR")


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_every_operation_is_found_as_it_was_first_answered(hosts: int) -> None:
    cluster, first, second = opened(hosts)
    paid = place_of(0, cluster.pay("p", first))
    legs = place_of(0, cluster.pay("l", first, second))
    held = place_of(0, cluster.hold("h", first, second))
    asked = [
        (held, cluster.capture("1", held, (10, 0), final=False)),
        (held, cluster.refund("2", held, (4, 0))),
        (held, cluster.capture("3", held, (0, 60), final=False)),
        (held, cluster.void("4", held)),
        (held, cluster.refund("5", held)),
        (paid, cluster.refund("6", paid, (20,))),
        (paid, cluster.refund("7", paid, reason="mistake")),
        (legs, cluster.refund("8", legs, (0, 7))),
    ]
    for (_, answer), found in zip(asked, find(cluster, asked), strict=True):
        assert answer.result is Result.ACCEPTED and answer.payment is not None
        assert found == RecordedOperation(answer.amounts, answer.payment)


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_refusal_or_another_payments_operation_is_not_found(hosts: int) -> None:
    cluster, first, _ = opened(hosts)
    held, other = place_of(0, cluster.hold("h", first)), place_of(0, cluster.hold("i", first))
    done = cluster.capture("1", held)
    refused = cluster.capture("2", held)
    assert refused.result is Result.PAYMENT_NOT_HELD
    shard, at, sequence, index = held
    wrong = [(shard, at + 1, sequence, index), (shard, at, sequence + 1, index), (shard, at, sequence, index + 9)]
    assert find(cluster, [(held, refused), (other, done), *((place, done) for place in wrong)]) == [None] * 5


def test_more_records_than_are_kept_are_read_again() -> None:
    cluster, first, _ = opened(1)
    held = [place_of(0, cluster.hold(f"h{number}", first)) for number in range(RECORDS_KEPT + 2)]
    asked = [(place, cluster.capture("c", place)) for place in held]
    found = find(cluster, [*asked, *asked])
    assert found[: len(asked)] == found[len(asked) :]
    assert None not in found
