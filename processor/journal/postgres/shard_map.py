"""Who owns which shard, in PostgreSQL. Leases are measured by the database's clock alone."""

from typing import Self

from processor.journal.interface import Host, Ownership
from processor.journal.postgres.change_listener import ChangeListener
from processor.journal.postgres.ledger import read_shard_count
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link, Timeouts
from processor.journal.postgres.queries import load_queries

_QUERIES = load_queries("shard_map.sql")


class PostgresShardMap:
    """Implements ShardMap."""

    def __init__(self, link: Link, listener: ChangeListener, lease_seconds: float) -> None:
        """Use `connect` instead."""
        self._link = link
        self._listener = listener
        self._lease_seconds = lease_seconds

    @classmethod
    async def connect(cls, dsn: str, lease_seconds: float = 3.0, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> Self:
        """Return a shard map that listens for changes. Raises JournalUnavailable, LedgerUnusable."""
        link = Link(dsn, timeouts)
        listener = ChangeListener(dsn, timeouts)
        try:
            await read_shard_count(link)
            await listener.start()
        except BaseException:
            await link.close()
            raise
        return cls(link, listener, lease_seconds)

    async def close(self) -> None:
        """Close all connections."""
        await self._listener.close()
        await self._link.close()

    async def heartbeat(
        self, host: str, actor: str, pid: int, leaving: bool = False, door: bytes = b""
    ) -> tuple[list[Host], list[Ownership]]:
        await self._link.fetch(_QUERIES["heartbeat"], host, actor, pid, leaving, self._lease_seconds, door)
        return await self.view()

    async def view(self) -> tuple[list[Host], list[Ownership]]:
        rows = await self._link.fetch(_QUERIES["view"], self._lease_seconds)
        hosts = [Host(row["host"], row["actor"], row["pid"], row["alive"], row["door"]) for row in rows if row["shard"] is None]
        owned = [Ownership(row["shard"], row["epoch"], row["host"]) for row in rows if row["shard"] is not None]
        return hosts, owned

    async def claim(self, shard: int, epoch: int, host: str) -> int | None:
        rows = await self._link.fetch(_QUERIES["claim"], shard, epoch, host)
        return rows[0]["epoch"] if rows else None

    async def release(self, shard: int, epoch: int) -> None:
        await self._link.fetch(_QUERIES["release"], shard, epoch)

    async def remove_host(self, host: str) -> None:
        await self._link.fetch(_QUERIES["remove_host"], host)

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        return await self._listener.wait(timeout_seconds)
