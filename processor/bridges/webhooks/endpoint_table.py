"""The endpoints in the database: what clients make and change, and what senders read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import asyncpg
import msgspec

from processor.bridges.webhooks.delivery_table import Waiting
from processor.bridges.webhooks.endpoint import Endpoint
from processor.bridges.webhooks.queries import load_queries
from processor.journal.postgres.link import Link

BRIDGE = "webhooks"
"""The bridge's name, under which its cursor is kept."""

ENDPOINTS_MAX = 50
"""Of one tenant."""

Status = Literal["enabled", "disabled"]
_QUERIES = load_queries("endpoints.sql")
_NEWEST = 2**31 - 1


class TooMany(Exception):
    """The tenant has as many endpoints as it may have."""


class AlreadyThere(Exception):
    """The tenant has an endpoint with this URL and these filters. `id` is that one's."""

    def __init__(self, identity: str) -> None:
        super().__init__(identity)
        self.id = identity


class Wishes(msgspec.Struct, frozen=True):
    """What a client says about its endpoint. `types` empty: all; `accounts` None: all."""

    url: str
    types: tuple[str, ...] = ()
    accounts: tuple[str, ...] | None = None
    description: str | None = None


class Redelivery(msgspec.Struct, frozen=True):
    """The past that is being sent again: from `since_at` (microseconds) on, or from a cursor (0); `queued` events so far."""

    since_at: int
    only_failed: bool
    queued: int
    requested_at: datetime


class EndpointRow(msgspec.Struct, frozen=True):
    """An endpoint as its owner sees it. `reason`: why it is disabled. `waiting`: how many events do, as was seen last.
    `previous_until`: until when the previous secret signs too."""

    number: int
    id: str
    wishes: Wishes
    status: Status
    reason: str | None
    created_at: datetime
    waiting: int
    previous_until: datetime | None
    redelivery: Redelivery | None


class Figures(msgspec.Struct, frozen=True):
    """All endpoints together: how many events wait for the enabled ones, and for how long the first of them has."""

    enabled: int
    disabled: int
    waiting: int
    oldest_seconds: float


class EndpointTable:
    """All methods raise JournalUnavailable."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def create(self, tenant: str, identity: str, wishes: Wishes, heads: Sequence[int], secret: bytes) -> None:
        """Register an endpoint that gets what comes after these newest records of the shards. Raises TooMany, AlreadyThere."""
        async with self._link.use() as connection, connection.transaction():
            await connection.execute(_QUERIES["lock_tenant"], tenant)
            row = await connection.fetchrow(_QUERIES["alike"], tenant, wishes.url, list(wishes.types), _list(wishes.accounts))
            if row["same"] is not None:
                raise AlreadyThere(row["same"])
            if row["count"] >= ENDPOINTS_MAX:
                raise TooMany
            await connection.execute(_QUERIES["create"], identity, tenant, *_columns(wishes), list(heads), secret)
            await connection.execute(_QUERIES["begin_cursor"], BRIDGE, list(heads))

    async def page(self, tenant: str, before: int | None, limit: int) -> list[EndpointRow]:
        """Return endpoints, newest first, those with numbers before this one."""
        rows = await self._link.fetch(_QUERIES["list"], tenant, _NEWEST if before is None else before, limit, None)
        return [_row(row) for row in rows]

    async def find(self, tenant: str, identity: str) -> EndpointRow | None:
        """Return the endpoint."""
        rows = await self._link.fetch(_QUERIES["list"], tenant, _NEWEST, 1, identity)
        return _row(rows[0]) if rows else None

    async def update(self, tenant: str, identity: str, wishes: Wishes, status: Status, heads: Sequence[int]) -> bool:
        """Change it all; return whether it is there. If this enables it, it gets what comes after these newest records."""
        rows = await self._link.fetch(_QUERIES["update"], tenant, identity, *_columns(wishes), status, list(heads))
        return bool(rows)

    async def delete(self, tenant: str, identity: str) -> bool:
        """Delete it; return whether it was there. Its deliveries go little by little."""
        return bool(await self._link.fetch(_QUERIES["delete"], tenant, identity))

    async def rotate(self, tenant: str, identity: str, secret: bytes, overlap_seconds: float) -> bool:
        """Give it another secret; the one until now signs too for a while. Return whether it is there."""
        return bool(await self._link.fetch(_QUERIES["rotate"], tenant, identity, secret, overlap_seconds))

    async def disable(self, number: int, reason: str) -> None:
        """Stop sending to it."""
        await self._link.execute(_QUERIES["disable"], number, reason)

    async def note_waiting(self, waiting: Sequence[Waiting]) -> None:
        """Write down how much waits for each enabled endpoint; nothing for those that are left out."""
        columns = [one.endpoint for one in waiting], [one.count for one in waiting], [one.oldest_seconds for one in waiting]
        await self._link.execute(_QUERIES["note_waiting"], *columns)

    async def figures(self) -> Figures:
        """Return the figures of all tenants together."""
        [row] = await self._link.fetch(_QUERIES["figures"])
        return Figures(row["enabled"], row["disabled"], row["waiting"], row["oldest_seconds"])

    async def enabled(self) -> list[Endpoint]:
        """Return all that is to be sent to, of all tenants."""
        async with self._link.use() as connection:
            return await enabled_endpoints(connection)


async def enabled_endpoints(connection: asyncpg.Connection) -> list[Endpoint]:
    """Return all that is to be sent to, as this connection's transaction sees it."""
    return [
        Endpoint(
            number=row["number"],
            id=row["id"],
            url=row["url"],
            types=tuple(row["types"]),
            accounts=None if row["accounts"] is None else frozenset(row["accounts"]),
            starts=tuple(row["starts"]),
            secrets=tuple(secret for secret in (row["secret"], row["previous_secret"]) if secret is not None),
        )
        for row in await connection.fetch(_QUERIES["enabled"])
    ]


def _columns(wishes: Wishes) -> tuple[object, ...]:
    return wishes.url, list(wishes.types), _list(wishes.accounts), wishes.description


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else [*values]


def _row(row: asyncpg.Record) -> EndpointRow:
    redelivery = None
    if row["since_at"] is not None:
        redelivery = Redelivery(row["since_at"], row["only_failed"], row["queued"], row["requested_at"])
    accounts = None if row["accounts"] is None else tuple(row["accounts"])
    wishes = Wishes(row["url"], tuple(row["types"]), accounts, row["description"])
    return EndpointRow(
        row["number"], row["id"], wishes, row["status"], row["reason"], row["created_at"], row["waiting"], row["previous_until"],
        redelivery,
    )  # fmt: skip
