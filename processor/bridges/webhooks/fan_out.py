"""The bridge's sink: it sends nothing itself, but writes down who is to be told of which event, where the bridge's cursor moves."""

from collections.abc import Callable, Sequence

import asyncpg

from processor.bridges.sink import Published, Terms
from processor.bridges.webhooks.bodies import Bodies
from processor.bridges.webhooks.delivery_table import Queued, queue, queued
from processor.bridges.webhooks.endpoint import Endpoint
from processor.bridges.webhooks.endpoint_table import enabled_endpoints
from processor.eventlog.event import PublishedEvent


class FanOut:
    """Implements Sink."""

    terms = Terms(starts_at="end")

    def __init__(self, bodies: Bodies, wake: Callable[[], None]) -> None:
        """`bodies` keeps those of the events that are to be sent; `wake` is called when there are any, before they are committed."""
        self._bodies = bodies
        self._wake = wake

    async def open(self) -> None:
        """Nothing is open."""

    async def publish(self, events: Sequence[PublishedEvent]) -> Published:
        """Have written down, within the transaction that moves the cursor, what each endpoint is to be told."""

        async def save(connection: asyncpg.Connection) -> None:
            # Read here: whoever was registered before an event was recorded is there by now.
            rows = rows_of(await enabled_endpoints(connection), events)
            if rows:
                await queue(connection, rows)
                wanted = {(row.shard, row.sequence, row.index) for row in rows}
                self._bodies.keep([event for event in events if (event.shard, event.sequence, event.index) in wanted])
                self._wake()

        return Published(save=save)

    async def close(self) -> None:
        """Nothing is open."""


def rows_of(endpoints: Sequence[Endpoint], events: Sequence[PublishedEvent]) -> list[Queued]:
    """Return what each endpoint is to be told, in the events' order."""
    return [queued(endpoint.number, event) for event in events for endpoint in endpoints if endpoint.is_due(event)]
