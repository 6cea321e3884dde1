"""The bridge's sink: it sends nothing itself, but writes down who is to be told of which event, where the bridge's cursor moves."""

from collections.abc import Sequence

import asyncpg

from processor.bridges.sink import Rejection, Terms
from processor.bridges.webhooks.bodies import Bodies
from processor.bridges.webhooks.delivery_table import Queued, queue, queued
from processor.bridges.webhooks.endpoint import Endpoint
from processor.bridges.webhooks.endpoint_table import enabled_endpoints
from processor.eventlog.event import PublishedEvent


class FanOut:
    """Implements SavingSink."""

    terms = Terms(starts_at="end")

    def __init__(self, bodies: Bodies) -> None:
        """`bodies` keeps those of the events that are to be sent."""
        self._bodies = bodies
        self.queued = 0
        """How many deliveries were written down by this copy, committed or not."""

    async def open(self) -> None:
        """Nothing is open."""

    async def publish(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection]:
        """Carry nothing anywhere yet."""
        return ()

    async def save(self, connection: asyncpg.Connection, events: Sequence[PublishedEvent]) -> None:
        """Write down, within the transaction that moves the cursor, what each endpoint is to be told."""
        endpoints = await enabled_endpoints(connection)
        if not endpoints:
            return
        rows = rows_of(endpoints, events)
        if rows:
            await queue(connection, rows)
            wanted = {(row.shard, row.sequence, row.index) for row in rows}
            self._bodies.keep([event for event in events if (event.shard, event.sequence, event.index) in wanted])
            self.queued += len(rows)

    async def close(self) -> None:
        """Nothing is open."""


def rows_of(endpoints: Sequence[Endpoint], events: Sequence[PublishedEvent]) -> list[Queued]:
    """Return what each endpoint is to be told, in the events' order."""
    return [queued(endpoint.number, event) for event in events for endpoint in endpoints if endpoint.is_due(event)]
