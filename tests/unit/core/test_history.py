"""The journal alone tells an account's past and what a payment was."""

import asyncio

import pytest

from processor.core.ids import Place
from processor.core.messages import Leg, Pay, PayLegs
from processor.core.results import Result
from processor.history import HistoryTooLong, Line, Position, find_payment, walk
from processor.journal.memory import MemoryJournal
from processor.journal.record import NO_HASH, Record
from tests.cluster import Cluster, account_on


async def stored(cluster: Cluster) -> MemoryJournal:
    """Return a real journal that holds the cluster's records."""
    journal = MemoryJournal(cluster.shards)
    for shard, stream in enumerate(cluster.journal):
        await journal.claim(shard, 0, "host")
        previous = NO_HASH
        for sealed in stream:
            record = Record(shard, 1, sealed.sequence, sealed.at, previous, sealed.payload)
            await journal.append([record])
            previous = record.hash()
    return journal


def lines(cluster: Cluster, account: str) -> list[Line]:
    """Return the account's lines, newest first."""

    async def collect() -> list[Line]:
        journal = await stored(cluster)
        shard = next(shard for shard in cluster.all_shards() if account in shard.accounts)
        start = Position(shard.accounts[account].last_sequence)
        return [line async for line, _ in walk(journal, shard.number, account, start)]

    return asyncio.run(collect())


def busy_cluster() -> tuple[Cluster, str, str, str]:
    """Return a cluster on which three accounts have been paid from in every way."""
    cluster = Cluster(3, 2)
    home, near, far = (account_on(shard, 3, 0) for shard in (0, 2, 1))
    beside = account_on(0, 3, 1)
    for account in (home, near, far, beside):
        cluster.open(account, min_balance=None)
    cluster.pay("1", Leg(home, beside, 1, "EUR"))
    cluster.pay("2", Leg(home, near, 2, "EUR"))
    cluster.pay("3", Leg(home, far, 3, "EUR"))
    cluster.pay("4", Leg(home, near, 4, "EUR"), Leg(near, home, 5, "EUR"))
    cluster.pay("5", Leg(home, far, 6, "EUR"), Leg(far, near, 7, "EUR"), Leg(near, home, 8, "EUR"))
    cluster.turn(0, [cluster.payment(f"together {number}", [Leg(home, near, number, "EUR")]) for number in (1, 2, 3)])
    return cluster, home, near, far


def test_an_account_s_lines_are_all_its_entries_newest_first() -> None:
    cluster, home, near, far = busy_cluster()
    assert [line.amount for line in lines(cluster, home)] == [-3, -2, -1, 8, -6, 5, -4, -3, -2, -1]
    assert [line.amount for line in lines(cluster, near)] == [3, 2, 1, -8, 7, -5, 4, 2]
    assert [line.amount for line in lines(cluster, far)] == [-7, 6, 3]


def test_each_line_carries_the_balance_after_it() -> None:
    cluster, *accounts = busy_cluster()
    for account in accounts:
        balance = 0
        for line in reversed(lines(cluster, account)):
            balance += line.amount
            assert line.posted == balance
        assert cluster.read(account).posted == balance


def test_a_walk_goes_on_from_any_position() -> None:
    cluster, home, _, _ = busy_cluster()

    async def tails() -> None:
        journal = await stored(cluster)
        start = Position(cluster.all_shards()[0].accounts[home].last_sequence)
        whole = [step async for step in walk(journal, 0, home, start)]
        for place, (_, position) in enumerate(whole):
            assert [line async for line, _ in walk(journal, 0, home, position)] == [line for line, _ in whole[place + 1 :]]

    asyncio.run(tails())


def test_a_walk_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, home, _, _ = busy_cluster()
    monkeypatch.setattr("processor.history.RECORDS_MAX", 2)
    with pytest.raises(HistoryTooLong):
        lines(cluster, home)


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_a_payment_is_found_by_its_place_on_any_road(hosts: int) -> None:
    cluster = Cluster(3, hosts)
    home, near, far = (account_on(shard, 3, 0) for shard in (0, 2, 1))
    for account in (home, near, far):
        cluster.open(account, min_balance=None)
    asked = [[Leg(home, near, 2, "EUR")], [Leg(home, far, 3, "EUR"), Leg(far, near, 7, "EUR")]]
    answers = [cluster.pay(str(number), *legs) for number, legs in enumerate(asked)]

    async def find() -> list[tuple[Pay | PayLegs, int] | None]:
        journal = await stored(cluster)
        return [await find_payment(journal, Place(answer.at, 0, answer.sequence, answer.index)) for answer in answers]

    found = asyncio.run(find())
    expected = [(cluster.payment(str(number), legs), answers[number].as_of) for number, legs in enumerate(asked)]
    assert found == expected


def test_what_was_refused_or_never_asked_is_not_found() -> None:
    cluster = Cluster(2, 2)
    home, missing = account_on(0, 2, 0), account_on(1, 2, 0)
    cluster.open(home, min_balance=None)
    refused = cluster.pay("key", Leg(home, missing, 2, "EUR"))
    assert refused.result is Result.ACCOUNT_NOT_FOUND
    place = Place(refused.at, 0, refused.sequence, refused.index)

    async def find(place: Place) -> tuple[Pay | PayLegs, int] | None:
        return await find_payment(await stored(cluster), place)

    others = [place._replace(at=place.at + 1), place._replace(sequence=99), place._replace(index=9), place._replace(sequence=1)]
    assert [asyncio.run(find(each)) for each in (place, *others)] == [None] * 5
