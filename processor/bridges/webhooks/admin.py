"""What the API does with webhooks: it registers endpoints and changes them, shows what became of events, and has them sent again."""

import asyncio
from collections.abc import Sequence
from typing import Self

import msgspec

from processor.bridges.webhooks.addresses import parse_networks
from processor.bridges.webhooks.delivery_table import BY_KEY, Delivery, DeliveryStatus, DeliveryTable, Queued
from processor.bridges.webhooks.endpoint import new_endpoint_id
from processor.bridges.webhooks.endpoint_table import EndpointRow, EndpointTable, Figures, Status, Wishes
from processor.bridges.webhooks.gate import Gate, NameLookup
from processor.bridges.webhooks.message import TEST_SEQUENCE, TEST_TYPE
from processor.bridges.webhooks.redelivery_table import RedeliveryTable
from processor.bridges.webhooks.signature import new_secret
from processor.clock import now_microseconds
from processor.core.ids import Place
from processor.eventlog.positions import Positions
from processor.journal.interface import Journal
from processor.journal.postgres.link import Link, Timeouts
from processor.settings import Settings

_TIMEOUTS = Timeouts(connect_seconds=2.0, command_seconds=5.0)
_AT_A_TIME = 4


class NotThere(Exception):
    """The tenant has no such endpoint."""


class Disabled(Exception):
    """Nothing is sent to the endpoint, so nothing can be asked for."""


class UnderWay(Exception):
    """The endpoint is being sent the past already."""


class Created(msgspec.Struct, frozen=True):
    """An endpoint with its secret, which is not shown again."""

    endpoint: EndpointRow
    secret: bytes


class WebhookAdmin:
    """All methods raise JournalUnavailable; those that name an endpoint NotThere."""

    def __init__(self, link: Link, journal: Journal, gate: Gate) -> None:
        """Use `connect` instead."""
        self._link = link
        self._journal = journal
        self._gate = gate
        self._endpoints = EndpointTable(link)
        self._deliveries = DeliveryTable(link)
        self._redeliveries = RedeliveryTable(link)

    @classmethod
    def of_settings(cls, settings: Settings, journal: Journal) -> Self:
        """Return an admin that connects when it is first asked. Raises BadSettings."""
        gate = Gate(parse_networks(settings), NameLookup())
        return cls(Link(settings.database_url, _TIMEOUTS, session=BY_KEY), journal, gate)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def create(self, tenant: str, wishes: Wishes) -> Created:
        """Register an endpoint, which gets every event from now on. Raises BadUrl, TooMany, AlreadyThere."""
        await self._gate.check_url(wishes.url)
        identity, secret = new_endpoint_id(), new_secret()
        await self._endpoints.create(tenant, identity, wishes, await self._heads(), secret)
        return Created(await self.read(tenant, identity), secret)

    async def endpoints(self, tenant: str, before: int | None, limit: int) -> list[EndpointRow]:
        """Return endpoints, newest first, those with numbers before this one."""
        return await self._endpoints.page(tenant, before, limit)

    async def figures(self) -> Figures:
        """Return the figures of all tenants together."""
        return await self._endpoints.figures()

    async def read(self, tenant: str, identity: str) -> EndpointRow:
        """Return the endpoint."""
        row = await self._endpoints.find(tenant, identity)
        if row is None:
            raise NotThere
        return row

    async def update(self, before: EndpointRow, tenant: str, wishes: Wishes, status: Status) -> EndpointRow:
        """Change the endpoint. Enabled again, it gets every event from then on. Raises BadUrl."""
        if wishes.url != before.wishes.url:
            await self._gate.check_url(wishes.url)
        if not await self._endpoints.update(tenant, before.id, wishes, status, await self._heads()):
            raise NotThere
        return await self.read(tenant, before.id)

    async def delete(self, tenant: str, identity: str) -> None:
        """Delete the endpoint and, little by little, its log."""
        if not await self._endpoints.delete(tenant, identity):
            raise NotThere

    async def rotate(self, tenant: str, identity: str, overlap_seconds: float) -> Created:
        """Give the endpoint another secret; for so long the one until now signs too."""
        secret = new_secret()
        if not await self._endpoints.rotate(tenant, identity, secret, overlap_seconds):
            raise NotThere
        return Created(await self.read(tenant, identity), secret)

    async def deliveries(
        self, endpoint: EndpointRow, status: DeliveryStatus | None, before: Place | None, limit: int
    ) -> list[Delivery]:
        """Return what became of events, newest first, those before this place."""
        return await self._deliveries.page(endpoint.number, status, before, limit)

    async def redeliver(self, endpoint: EndpointRow, places: Sequence[Place]) -> int:
        """Have events of the log sent again; return how many there are. Raises Disabled."""
        _must_be_enabled(endpoint)
        return await self._deliveries.queue_known(endpoint.number, places)

    async def redeliver_since(self, tenant: str, endpoint: EndpointRow, since: int | str, only_failed: bool) -> EndpointRow:
        """Have all that it wants from a time (microseconds) or behind a cursor of the event log sent again, or what was not delivered.

        Raises Disabled, UnderWay, BadCursor.
        """
        _must_be_enabled(endpoint)
        heads = await self._heads()
        since_at, positions = (0, Positions.read(since, len(heads)).whole) if isinstance(since, str) else (since, None)
        if not await self._redeliveries.ask(endpoint.number, since_at, only_failed, positions, heads):
            raise UnderWay
        return await self.read(tenant, endpoint.id)

    async def test(self, endpoint: EndpointRow) -> Place:
        """Have a test event sent; return its place. Raises Disabled."""
        _must_be_enabled(endpoint)
        place = Place(now_microseconds(), 0, TEST_SEQUENCE, 0)
        await self._deliveries.queue([Queued(endpoint.number, *place, TEST_TYPE)])
        return place

    async def _heads(self) -> list[int]:
        """Return the newest record of every shard."""
        turns = asyncio.Semaphore(_AT_A_TIME)

        async def head(shard: int) -> int:
            async with turns:
                return (await self._journal.head(shard)).sequence

        return await asyncio.gather(*(head(shard) for shard in range(await self._journal.shard_count())))


def _must_be_enabled(endpoint: EndpointRow) -> None:
    if endpoint.status != "enabled":
        raise Disabled
