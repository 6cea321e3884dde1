"""Queues the past again for endpoints that have asked for it: reads the journal, not the log, so that nothing is too old."""

import asyncio

from processor.bridges.webhooks.delivery_table import queue_again, queued
from processor.bridges.webhooks.endpoint import Endpoint
from processor.bridges.webhooks.endpoint_table import EndpointTable
from processor.bridges.webhooks.redelivery_table import Asked, Overtaken, RedeliveryTable, advance
from processor.eventlog.translator import Translator
from processor.journal.interface import Journal
from processor.journal.postgres.link import Link

_STEP_BYTES = 256 * 1024
_AT_A_TIME = 8


class Redeliverer:
    """Makes one step for each endpoint at a time. Any number of copies may run: a step takes effect once."""

    def __init__(self, link: Link, journal: Journal, translator: Translator) -> None:
        self._link = link
        self._endpoints = EndpointTable(link)
        self._table = RedeliveryTable(link)
        self._journal = journal
        self._translator = translator

    async def step(self) -> bool:
        """Queue some of the past for each endpoint that has asked for it; return whether there is more.

        Raises JournalUnavailable, JournalCorrupt.
        """
        asked_for = await self._table.open()
        if not asked_for:
            return False
        endpoints = {endpoint.number: endpoint for endpoint in await self._endpoints.enabled()}
        for asked in asked_for:
            if asked.endpoint in endpoints:
                await self._queue(asked, endpoints[asked.endpoint])
        return True

    async def _queue(self, asked: Asked, endpoint: Endpoint) -> None:
        positions = list(asked.positions or await self._beginnings(asked))
        behind = {shard: position for shard, position in enumerate(positions) if position < asked.heads[shard]}
        if not behind:
            await self._table.end(asked.endpoint)
            return
        tail = await self._journal.tail(behind, _STEP_BYTES)
        records = [record for record in tail if record.sequence <= asked.heads[record.shard]]
        events = [event for event in await self._translator.translate(records) if event.at >= asked.since_at]
        rows = [queued(endpoint.number, event) for event in events if endpoint.wants(event)]
        for record in tail:
            positions[record.shard] = max(positions[record.shard], min(record.sequence, asked.heads[record.shard]))
        try:
            async with self._link.use() as connection, connection.transaction():
                await advance(connection, asked, positions, await queue_again(connection, rows, asked.only_failed) if rows else 0)
        except Overtaken:
            pass  # The next step looks at how far it is now.

    async def _beginnings(self, asked: Asked) -> list[int]:
        """Return, for each shard, the newest record from before the time that was asked for."""
        turns = asyncio.Semaphore(_AT_A_TIME)

        async def beginning(shard: int, head: int) -> int:
            async with turns:
                return await self._before(shard, head, asked.since_at)

        return await asyncio.gather(*(beginning(shard, head) for shard, head in enumerate(asked.heads)))

    async def _before(self, shard: int, head: int, at: int) -> int:
        older, newer = 0, head + 1  # The record `older` is from before the time, `newer` is not; time never goes back in a shard.
        while newer - older > 1:
            middle = (older + newer) // 2
            record = await self._journal.record(shard, middle)
            if record is None or record.at >= at:
                newer = middle
            else:
                older = middle
        return older
