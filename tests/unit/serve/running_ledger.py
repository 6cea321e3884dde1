"""The whole system but for Ray and PostgreSQL, in one event loop: a shard host on a journal in memory, behind a router."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.host import Host, HostStatus
from actors.router import Router
from processor.journal.memory import MemoryJournal
from serve.routed_ledger import RoutedLedger

SHARDS = 4
REQUEST_TIMEOUT_SECONDS = 20.0
QUEUE_LIMIT_MESSAGES = 100_000


class LocalHandle:
    """Implements HostHandle for a host in the same event loop."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def submit(self, batch: bytes) -> bytes:
        return await self._host.loop.submit(batch)

    async def exchange(self, batch: bytes) -> None:
        self._host.loop.receive(batch)

    async def status(self) -> HostStatus:
        return self._host.status()


@asynccontextmanager
async def running_ledger() -> AsyncIterator[RoutedLedger]:
    """Give a ledger whose shards are all served."""
    journal = MemoryJournal(SHARDS)
    hosts: dict[str, Host] = {}

    def connect(actor: str) -> LocalHandle:
        return LocalHandle(hosts[actor])

    host = hosts["host-a"] = Host(journal, journal, SHARDS, "host-a", os.getpid(), connect, QUEUE_LIMIT_MESSAGES)
    host.start()
    router = Router(journal, connect, REQUEST_TIMEOUT_SECONDS, QUEUE_LIMIT_MESSAGES)
    routing = asyncio.create_task(router.run())
    ledger = RoutedLedger(SHARDS, router, journal, journal)
    try:
        while await ledger.readiness():
            await asyncio.sleep(0)
        yield ledger
    finally:
        routing.cancel()
        await asyncio.gather(routing, return_exceptions=True)
        await host.stop(leave=False)
