"""The deliveries in the database: which event is to be sent to whom, who is sending it, and what came of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import asyncpg
import msgspec

from processor.bridges.webhooks.queries import load_queries
from processor.core.ids import Place
from processor.eventlog.event import PublishedEvent
from processor.journal.postgres.link import Link

DeliveryStatus = Literal["pending", "delivered", "failed"]
STATUSES: tuple[DeliveryStatus, ...] = ("pending", "delivered", "failed")
BY_KEY = "SET jit TO off; SET enable_seqscan TO off; SET enable_hashjoin TO off; SET enable_mergejoin TO off"
"""What a connection to the table begins with: rows are looked up by key, whatever the planner thinks of a table that grows and shrinks."""

_QUERIES = load_queries("deliveries.sql")
_LIST: dict[DeliveryStatus | None, str] = {
    None: _QUERIES["list"].replace("/* status */", ""),
    "pending": _QUERIES["list_pending"],
    "delivered": _QUERIES["list"].replace("/* status */", "AND status = 'delivered'"),
    "failed": _QUERIES["list"].replace("/* status */", "AND status = 'failed'"),
}
_AFTER_ALL = Place(2**63 - 1, 2**31 - 1, 2**63 - 1, 2**31 - 1)


class Queued(NamedTuple):
    """An event for an endpoint, as the table's columns have it."""

    endpoint: int
    at: int
    shard: int
    sequence: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    type: str


class Claimed(NamedTuple):
    """An event that is ours to send for a while; `attempts` have failed."""

    place: Place
    attempts: int


class Noted(msgspec.Struct, frozen=True):
    """What came of sending an event once more after so many `attempts`. `entry`: the attempt for the log, as JSON."""

    endpoint: int
    claimed: Claimed
    status: DeliveryStatus
    pause_seconds: float
    entry: str


class LogEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt as the log keeps it. `at` in microseconds since 1970, `status` the receiver's."""

    at: int
    milliseconds: int
    status: int | None = None
    error: str = ""


class Delivery(msgspec.Struct, frozen=True):
    """A delivery as its endpoint's owner sees it; `log`: its newest attempts, oldest first. `due_at`: of a pending one."""

    place: Place
    type: str
    status: DeliveryStatus
    attempts: int
    due_at: datetime
    queued_at: datetime
    finished_at: datetime | None
    log: list[LogEntry]


class Waiting(msgspec.Struct, frozen=True):
    """How many events wait for an enabled endpoint, and for how long the first of them has."""

    endpoint: int
    count: int
    oldest_seconds: float


_decode_log = msgspec.json.Decoder(list[LogEntry]).decode


def queued(endpoint: int, event: PublishedEvent) -> Queued:
    """Return the row of this event for this endpoint."""
    return Queued(endpoint, event.at, event.shard, event.sequence, event.index, event.type)


async def queue(connection: asyncpg.Connection, rows: Sequence[Queued]) -> None:
    """Add what is to be sent for the first time, as part of the connection's transaction."""
    await connection.execute(_QUERIES["queue"], *_columns(rows))


async def queue_again(connection: asyncpg.Connection, rows: Sequence[Queued], only_failed: bool) -> int:
    """Add what is to be sent, whether or not it was before, as part of the transaction; return how many will be.

    With `only_failed` what was delivered is left alone.
    """
    count: int = await connection.fetchval(_QUERIES["queue_again"], *_columns(rows), only_failed)
    return count


class DeliveryTable:
    """All methods raise JournalUnavailable."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def queue(self, rows: Sequence[Queued]) -> None:
        """Add what is to be sent."""
        async with self._link.use() as connection:
            await queue(connection, rows)

    async def queue_known(self, endpoint: int, places: Sequence[Place]) -> int:
        """Have these sent again that are in the log; return how many there were."""
        rows = await self._link.fetch(_QUERIES["queue_known"], endpoint, *_columns(places))
        return int(rows[0]["count"])

    async def due(self, endpoints: Iterable[int]) -> list[int]:
        """Return those of the endpoints for which something is due."""
        return [row["endpoint"] for row in await self._link.fetch(_QUERIES["due"], list(endpoints))]

    async def claim(self, endpoint: int, limit: int, lease_seconds: float) -> list[Claimed]:
        """Take what is due, in the journal's order, so that nobody else sends it for so long; nothing of a disabled endpoint."""
        rows = await self._link.fetch(_QUERIES["claim"], endpoint, limit, lease_seconds)
        claimed = [Claimed(Place(row["at"], row["shard"], row["sequence"], row["index"]), row["attempts"]) for row in rows]
        return sorted(claimed)

    async def release(self, endpoint: int, claimed: Sequence[Claimed]) -> None:
        """Give back what was not tried."""
        await self._link.execute(_QUERIES["release"], endpoint, *_columns([one.place for one in claimed]))

    async def note(self, noted: Sequence[Noted]) -> None:
        """Write down what came of attempts."""
        rows = [
            (each.endpoint, *each.claimed.place, each.claimed.attempts, each.status, each.pause_seconds, each.entry)
            for each in noted
        ]
        await self._link.execute(_QUERIES["note"], *_columns(rows))

    async def waiting(self) -> list[Waiting]:
        """Return what waits for each endpoint, if anything does."""
        rows = await self._link.fetch(_QUERIES["waiting"])
        return [Waiting(row["endpoint"], row["count"], row["oldest_seconds"]) for row in rows]

    async def give_up(self, age_seconds: float, limit: int, entry: LogEntry) -> int:
        """Fail up to so many rows of each endpoint that have waited for longer; return how many."""
        rows = await self._link.fetch(_QUERIES["give_up"], age_seconds, limit, msgspec.json.encode(entry).decode())
        return int(rows[0]["count"])

    async def forget(self, age_seconds: float, before_at: int, limit: int) -> int:
        """Remove up to so many rows of each endpoint that are no longer needed; return how many.

        `before_at`: the time of so long ago, in microseconds: younger events are kept.
        """
        rows = await self._link.fetch(_QUERIES["forget"], age_seconds, before_at, limit)
        return int(rows[0]["count"])

    async def forget_endpoints(self) -> None:
        """Remove deleted endpoints that have nothing left."""
        await self._link.execute(_QUERIES["forget_endpoints"])

    async def page(self, endpoint: int, status: DeliveryStatus | None, before: Place | None, limit: int) -> list[Delivery]:
        """Return deliveries, newest events first, those before this place."""
        rows = await self._link.fetch(_LIST[status], endpoint, *(before or _AFTER_ALL), limit)
        return [
            Delivery(
                Place(row["at"], row["shard"], row["sequence"], row["index"]), row["type"], row["status"], row["attempts"],
                row["due_at"], row["queued_at"], row["finished_at"], _decode_log(row["log"]),
            )
            for row in rows
        ]  # fmt: skip


def _columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """Return one array for each column; there must be rows."""
    return [[*column] for column in zip(*rows, strict=True)]
