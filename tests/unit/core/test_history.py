"""The journal alone tells an account's past."""

import asyncio

import pytest

from processor.core.ids import Place
from processor.core.messages import Kind, Leg
from processor.history import HistoryTooLong, Line, walk
from processor.journal.memory import MemoryJournal
from processor.journal.record import NO_HASH, Record
from tests.cluster import Cluster, account_on, place_of


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
        start = shard.accounts[account].last_sequence
        return [line async for step in walk(journal, shard.number, account, start) for line in reversed(step.lines)]

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


def test_a_walk_goes_on_from_any_record() -> None:
    cluster, home, _, _ = busy_cluster()

    async def tails() -> None:
        journal = await stored(cluster)
        start = cluster.all_shards()[0].accounts[home].last_sequence
        whole = [step async for step in walk(journal, 0, home, start)]
        assert len({step.sequence for step in whole}) == len(whole)
        for place, step in enumerate(whole):
            assert [later async for later in walk(journal, 0, home, step.previous)] == whole[place + 1 :]

    asyncio.run(tails())


def test_a_walk_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, home, _, _ = busy_cluster()
    monkeypatch.setattr("processor.history.RECORDS_MAX", 2)
    with pytest.raises(HistoryTooLong):
        lines(cluster, home)


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_each_line_names_its_payment_and_what_made_it(hosts: int) -> None:
    cluster = Cluster(3, hosts)
    home, far = account_on(0, 3, 0), account_on(1, 3, 0)
    for account in (home, far):
        cluster.open(account, min_balance=None)
    paid = place_of(0, cluster.pay("1", Leg(home, far, 9, "EUR")))
    held = place_of(0, cluster.hold("2", Leg(home, far, 8, "EUR"), Leg(far, home, 3, "EUR")))
    cluster.capture("c", held, (5, 0), final=False)
    cluster.void("v", held)
    cluster.refund("r", held, (2, 0))
    cluster.refund("x", paid, reason="mistake")
    first, second = (Place(at, shard, sequence, index) for shard, at, sequence, index in (paid, held))
    expected = [(first, Kind.REVERSAL, 9), (second, Kind.REFUND, 2), (second, Kind.CAPTURE, -5), (first, Kind.PAYMENT, -9)]
    assert [(line.payment, line.kind, line.amount) for line in lines(cluster, home)] == expected
    assert [(line.payment, line.kind, -line.amount) for line in lines(cluster, far)] == expected
