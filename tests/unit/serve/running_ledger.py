"""The whole system but for Ray, in one event loop: a shard host on a journal in memory or in PostgreSQL, behind a router."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.host import Host
from actors.router import Router
from loadtests.bench.local_hosts import Neighbour
from processor.bridges.webhooks.addresses import parse_networks
from processor.bridges.webhooks.admin import WebhookAdmin
from processor.bridges.webhooks.gate import Gate
from processor.core.ledger import Retention
from processor.journal.choice import apart, connect_journal, connect_shard_map
from processor.journal.interface import Journal, ShardMap
from processor.journal.memory import MemoryJournal
from processor.journal.postgres import PostgresJournal, PostgresShardMap, create_ledger
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.projections.archive import PostgresArchive
from processor.projections.interface import Archive
from processor.projections.memory_archive import MemoryArchive
from processor.projections.projector import Projector
from processor.projections.schema import prepare_projections
from processor.projections.upkeep import keep_projections
from processor.settings import Settings
from serve.projected_reads import ProjectedReads
from serve.routed_ledger import RoutedLedger

SHARDS = 4
REQUEST_TIMEOUT_SECONDS = 20.0
QUEUE_LIMIT_MESSAGES = 100_000
LEASE_SECONDS = 30.0
NOBODY_LISTENS = "postgresql://nobody@127.0.0.1:1/nothing"


@asynccontextmanager
async def running_ledger(hosts: int = 1) -> AsyncIterator[RoutedLedger]:
    """Give a ledger in memory whose shards are all served by so many hosts. Its projections cannot be reached."""
    journal = MemoryJournal(SHARDS)
    reads = await ProjectedReads.connect(NOBODY_LISTENS, journal)
    async with _served(journal, journal, MemoryArchive(journal), reads, hosts) as ledger:
        yield ledger
    await reads.close()


@asynccontextmanager
async def projected_ledger(database_url: str) -> AsyncIterator[tuple[RoutedLedger, Projector]]:
    """Give a ledger in an empty database whose shards are all served, and the projector, which works when it is told to."""
    await create_ledger(database_url, SHARDS)
    await prepare_projections(database_url)
    journal = await PostgresJournal.connect(database_url)
    shard_map = await PostgresShardMap.connect(database_url, LEASE_SECONDS)
    archive = await PostgresArchive.connect(database_url, journal)
    reads, projector = await ProjectedReads.connect(database_url, journal), Projector(database_url)
    try:
        async with _served(journal, shard_map, archive, reads) as ledger:
            yield ledger, projector
    finally:
        for opened in (projector, reads, archive, shard_map, journal):
            await opened.close()


@asynccontextmanager
async def ledger_of(settings: Settings, hosts: int = 1, retention: Retention | None = None) -> AsyncIterator[RoutedLedger]:
    """Give the ledger in the stores of these settings, which must have been prepared. Its read model follows as fast as it can."""
    journal, shard_map = await connect_journal(settings), await connect_shard_map(settings)
    archive = await PostgresArchive.connect(settings.database_url, journal)
    reads = await ProjectedReads.connect(settings.database_url, journal)
    projecting = asyncio.create_task(keep_projections(settings.database_url, 1.0, apart(journal)))
    try:
        async with _served(journal, shard_map, archive, reads, hosts, retention) as ledger:
            yield ledger
    finally:
        projecting.cancel()
        await asyncio.wait([projecting])
        for opened in (reads, archive, shard_map, journal):
            await opened.close()


@asynccontextmanager
async def webhook_admin(database_url: str, *, allowed: str = "127.0.0.0/8") -> AsyncIterator[WebhookAdmin]:
    """Give the webhooks of the ledger in this database; all names lead to a public address."""

    async def lookup(name: str) -> list[str]:
        return ["93.184.215.14"]

    journal, link = await PostgresJournal.connect(database_url), Link(database_url, DEFAULT_TIMEOUTS)
    gate = Gate(parse_networks(Settings(webhook_allowed_networks=allowed)), lookup)
    yield WebhookAdmin(link, journal, gate)
    await link.close()
    await journal.close()


@asynccontextmanager
async def _served(
    journal: Journal,
    shard_map: ShardMap,
    archive: Archive,
    reads: ProjectedReads,
    count: int = 1,
    retention: Retention | None = None,
) -> AsyncIterator[RoutedLedger]:
    hosts: dict[str, Host] = {}

    def connect(actor: str) -> Neighbour:
        return Neighbour(hosts[actor])

    for number in range(count):
        name = f"host-{number}"
        hosts[name] = Host(
            journal, shard_map, SHARDS, name, os.getpid(), connect, QUEUE_LIMIT_MESSAGES, archive=archive, retention=retention
        )
        hosts[name].start()
    router = Router(shard_map, connect, REQUEST_TIMEOUT_SECONDS, QUEUE_LIMIT_MESSAGES)
    routing = asyncio.create_task(router.run())
    ledger = RoutedLedger(SHARDS, router, journal, shard_map, reads)
    try:
        while await ledger.readiness() or len({shard.host for shard in await ledger.shard_status()}) < count:
            await asyncio.sleep(0)
        yield ledger
    finally:
        routing.cancel()
        await asyncio.gather(routing, return_exceptions=True)
        for host in hosts.values():
            await host.stop(leave=False)
