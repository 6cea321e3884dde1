"""The shard map's promises: who is alive, who owns what, and that others learn of changes."""

import asyncio

import pytest

from processor.journal.interface import Host, Ownership
from tests.contract.ledgers import LEASE_SECONDS, SHARDS, Ledger

pytestmark = pytest.mark.anyio

STORES = ("memory", "postgres", "dynamodb")  # The shard map of a mirrored journal is PostgreSQL's.

# Long enough for a notification on a busy machine: a test that passes never waits for it.
SOON_SECONDS = 30.0
NOBODY = [Ownership(shard, 0, None) for shard in range(SHARDS)]


async def test_a_new_ledger_has_no_hosts_and_no_owners(ledger: Ledger) -> None:
    assert await (await ledger.shard_map()).view() == ([], NOBODY)


async def test_a_heartbeat_makes_a_host_known_to_all(ledger: Ledger) -> None:
    first, second = await ledger.shard_map(), await ledger.shard_map()
    assert await first.heartbeat("b", "actor b", 22) == ([Host("b", "actor b", 22, True)], NOBODY)
    hosts, _ = await second.heartbeat("a", "actor a", 11)
    assert hosts == [Host("a", "actor a", 11, True), Host("b", "actor b", 22, True)]
    assert (await first.view())[0] == hosts


async def test_a_hosts_door_is_known_to_all_and_goes_with_it(ledger: Ledger) -> None:
    first, second = await ledger.shard_map(), await ledger.shard_map()
    hosts, _ = await first.heartbeat("a", "actor", 1, door=b"\x00where\xff")
    assert hosts == [Host("a", "actor", 1, True, b"\x00where\xff")]
    assert (await second.view())[0] == hosts
    hosts, _ = await first.heartbeat("a", "actor", 1, leaving=True, door=b"elsewhere")
    assert hosts == [Host("a", "actor", 1, False, b"elsewhere")]
    await second.remove_host("a")
    assert (await first.view())[0] == []


async def test_a_host_is_dead_once_its_lease_has_run_out_and_alive_again_with_its_next_heartbeat(ledger: Ledger) -> None:
    shard_map = await ledger.shard_map()
    await shard_map.heartbeat("a", "actor", 1)
    await ledger.pass_time(LEASE_SECONDS + 1)
    hosts, _ = await shard_map.heartbeat("b", "actor", 2)
    assert hosts == [Host("a", "actor", 1, False), Host("b", "actor", 2, True)]
    hosts, _ = await shard_map.heartbeat("a", "actor", 1)
    assert [host.alive for host in hosts] == [True, True]


async def test_a_host_that_is_leaving_counts_as_dead_at_once(ledger: Ledger) -> None:
    shard_map = await ledger.shard_map()
    await shard_map.heartbeat("a", "actor", 1)
    hosts, _ = await shard_map.heartbeat("a", "actor", 1, leaving=True)
    assert hosts == [Host("a", "actor", 1, False)]


async def test_a_host_dead_for_over_an_hour_is_forgotten_and_owns_nothing(ledger: Ledger) -> None:
    shard_map = await ledger.shard_map()
    await shard_map.heartbeat("a", "actor", 1)
    await shard_map.claim(0, 0, "a")
    await ledger.pass_time(3500)
    assert len((await shard_map.heartbeat("b", "actor", 2))[0]) == 2
    await ledger.pass_time(200)
    hosts, owned = await shard_map.heartbeat("b", "actor", 2)
    assert hosts == [Host("b", "actor", 2, True)]
    assert owned[0] == Ownership(0, 1, None)


async def test_a_claim_raises_the_epoch_and_names_the_owner(ledger: Ledger) -> None:
    shard_map = await ledger.shard_map()
    assert await shard_map.claim(1, 0, "a") == 1
    assert await shard_map.claim(1, 1, "b") == 2
    assert (await shard_map.view())[1][1] == Ownership(1, 2, "b")


async def test_a_claim_with_an_old_epoch_changes_nothing(ledger: Ledger) -> None:
    shard_map = await ledger.shard_map()
    await shard_map.claim(1, 0, "a")
    assert await shard_map.claim(1, 0, "b") is None
    assert (await shard_map.view())[1][1] == Ownership(1, 1, "a")


async def test_of_many_hosts_claiming_a_shard_at_once_exactly_one_gets_it(ledger: Ledger) -> None:
    shard_maps = [await ledger.shard_map() for _ in range(8)]
    for epoch in range(5):
        results = await asyncio.gather(*(shard_map.claim(0, epoch, f"host {n}") for n, shard_map in enumerate(shard_maps)))
        [winner] = [number for number, result in enumerate(results) if result is not None]
        assert (await shard_maps[0].view())[1][0] == Ownership(0, epoch + 1, f"host {winner}")


async def test_a_released_shard_has_no_owner_and_keeps_its_epoch(ledger: Ledger) -> None:
    shard_map = await ledger.shard_map()
    await shard_map.claim(0, 0, "a")
    await shard_map.release(0, 1)
    assert (await shard_map.view())[1][0] == Ownership(0, 1, None)


async def test_a_release_with_an_old_epoch_changes_nothing(ledger: Ledger) -> None:
    shard_map = await ledger.shard_map()
    await shard_map.claim(0, 0, "a")
    await shard_map.claim(0, 1, "b")
    await shard_map.release(0, 1)
    assert (await shard_map.view())[1][0] == Ownership(0, 2, "b")


async def test_a_removed_host_is_forgotten_and_owns_nothing(ledger: Ledger) -> None:
    shard_map = await ledger.shard_map()
    await shard_map.heartbeat("a", "actor", 1)
    await shard_map.claim(0, 0, "a")
    await shard_map.claim(1, 0, "b")
    await shard_map.remove_host("a")
    hosts, owned = await shard_map.view()
    assert hosts == []
    assert owned[:2] == [Ownership(0, 1, None), Ownership(1, 1, "b")]


@pytest.mark.parametrize("change", ["appear", "come back", "leave", "claim", "release", "remove"])
async def test_others_are_told_of_a_change(ledger: Ledger, change: str) -> None:
    one, another = await ledger.shard_map(), await ledger.shard_map()
    await one.heartbeat("a", "actor", 1)
    await one.claim(0, 0, "a")
    if change == "come back":
        await ledger.pass_time(LEASE_SECONDS + 1)
    while await another.wait_for_change(0.2):
        pass  # What has happened so far.
    waiting = asyncio.create_task(another.wait_for_change(SOON_SECONDS))
    await asyncio.sleep(0)  # Lets it begin.
    if change == "appear":
        await one.heartbeat("b", "actor", 2)
    elif change == "come back":
        await one.heartbeat("a", "actor", 1)
    elif change == "leave":
        await one.heartbeat("a", "actor", 1, leaving=True)
    elif change == "claim":
        await one.claim(1, 0, "a")
    elif change == "release":
        await one.release(0, 1)
    else:
        await one.remove_host("a")
    assert await waiting


async def test_nobody_is_told_of_what_changed_nothing(ledger: Ledger) -> None:
    one, another = await ledger.shard_map(), await ledger.shard_map()
    await one.heartbeat("a", "actor", 1)
    await one.claim(0, 0, "a")
    while await another.wait_for_change(0.2):
        pass
    waiting = asyncio.create_task(another.wait_for_change(0.5))
    await asyncio.sleep(0)
    await one.heartbeat("a", "actor", 1)
    await one.claim(0, 0, "b")
    await one.release(0, 0)
    await one.remove_host("nobody")
    await one.view()
    assert not await waiting
