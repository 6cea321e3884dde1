"""A new replica gets requests when it reaches all that works: a broken shard must not keep it from the others."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.host import Host, HostGone, HostHandle
from actors.router import Router
from loadtests.bench.local_hosts import Neighbour
from processor.journal.interface import Head, JournalCorrupt, JournalUnavailable
from processor.journal.memory import MemoryJournal
from processor.projections.memory_archive import MemoryArchive
from serve.projected_reads import ProjectedReads
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.running_ledger import NOBODY_LISTENS

pytestmark = pytest.mark.anyio

SHARDS = 2


class DamagedJournal(MemoryJournal):
    """A journal some of whose shards no host can recover, and which may be away as a whole."""

    def __init__(self, damaged: set[int]) -> None:
        super().__init__(SHARDS)
        self.damaged = damaged
        self.is_away = False

    async def open(self, shard: int, epoch: int, at: int) -> Head:
        if shard in self.damaged:
            raise JournalCorrupt(f"shard {shard}, sequence 1: one bit is another")
        return await super().open(shard, epoch, at)

    async def head(self, shard: int) -> Head:
        if self.is_away:
            raise JournalUnavailable("nobody answers")
        return await super().head(shard)


class Doors:
    """Hosts by their names; those that are shut do not answer."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.shut: set[str] = set()

    def connect(self, actor: str) -> HostHandle:
        if actor in self.shut or actor not in self.hosts:
            raise HostGone(actor)
        return Neighbour(self.hosts[actor])


@asynccontextmanager
async def replica_of(journal: DamagedJournal, doors: Doors, *names: str) -> AsyncIterator[RoutedLedger]:
    for name in names:
        doors.hosts[name] = Host(
            journal, journal, SHARDS, name, os.getpid(), doors.connect, queue_limit_messages=100, archive=MemoryArchive(journal)
        )
        doors.hosts[name].start()
    router = Router(journal, doors.connect, 1.0, 100)
    routing = asyncio.create_task(router.run())
    reads = await ProjectedReads.connect(NOBODY_LISTENS, journal)
    try:
        yield RoutedLedger(SHARDS, router, journal, journal, reads)
    finally:
        routing.cancel()
        await asyncio.gather(routing, return_exceptions=True)
        for host in doors.hosts.values():
            await host.stop()
        await reads.close()


async def test_a_broken_shard_keeps_no_new_replica_from_the_others() -> None:
    async with replica_of(DamagedJournal({1}), Doors(), "host-0") as ledger:
        await until_reached(ledger)
        assert [text.split(":")[0] for text in await ledger.readiness()] == ["shard 1 is not served"]


async def test_a_replica_waits_for_a_host_that_is_there_and_does_not_answer_to_it() -> None:
    doors = Doors()
    doors.shut = {"host-1"}
    async with replica_of(DamagedJournal(set()), doors, "host-0", "host-1") as ledger:
        while await ledger.reach() != ["the host host-1 does not answer"]:
            await asyncio.sleep(0)
        doors.shut = set()
        await until_reached(ledger)


async def test_a_replica_waits_for_the_journal_and_for_the_first_shard() -> None:
    journal = DamagedJournal(set(range(SHARDS)))
    async with replica_of(journal, Doors()) as ledger:
        assert await ledger.reach() == ["no host that answers serves a shard"]
    async with replica_of(journal, Doors(), "host-0") as ledger:
        while len(await ledger.readiness()) < SHARDS or "moving" in " ".join(await ledger.readiness()):
            await asyncio.sleep(0)
        assert await ledger.reach() == ["no host that answers serves a shard"]
        journal.is_away = True
        assert await ledger.reach() == ["the journal cannot be reached: nobody answers"]


async def until_reached(ledger: RoutedLedger) -> None:
    while await ledger.reach():
        await asyncio.sleep(0)
