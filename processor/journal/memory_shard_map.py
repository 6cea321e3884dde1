"""Ownership of shards in this process's memory: the reference for what ShardMap means."""

import asyncio
from collections.abc import Callable

import msgspec

from processor.journal.interface import Host, Ownership

FORGET_AFTER_SECONDS = 3600.0


class _Heartbeat(msgspec.Struct, frozen=True):
    actor: str
    pid: int
    leaving: bool
    door: bytes
    at: float


class MemoryShardMap:
    """Implements ShardMap. Several hosts may share one instance; time is what `clock` says, in seconds."""

    def __init__(self, shards: int, lease_seconds: float, clock: Callable[[], float]) -> None:
        self._owned = [Ownership(shard, 0, None) for shard in range(shards)]
        self._heartbeats: dict[str, _Heartbeat] = {}
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._waiting: set[asyncio.Future[None]] = set()

    async def heartbeat(
        self, host: str, actor: str, pid: int, leaving: bool = False, door: bytes = b""
    ) -> tuple[list[Host], list[Ownership]]:
        before = self._heartbeats.get(host)
        unchanged = (
            before
            and (before.actor, before.pid, before.leaving, before.door) == (actor, pid, leaving, door)
            and self._is_fresh(before)
        )
        self._heartbeats[host] = _Heartbeat(actor, pid, leaving, door, self._clock())
        forgotten = [name for name, seen in self._heartbeats.items() if self._clock() - seen.at > FORGET_AFTER_SECONDS]
        for name in forgotten:
            self._forget(name)
        if forgotten or not unchanged:
            self._changed()
        return await self.view()

    async def view(self) -> tuple[list[Host], list[Ownership]]:
        hosts = [
            Host(host, seen.actor, seen.pid, self._is_fresh(seen) and not seen.leaving, seen.door)
            for host, seen in sorted(self._heartbeats.items())
        ]
        return hosts, list(self._owned)

    async def claim(self, shard: int, epoch: int, host: str) -> int | None:
        if self.epoch(shard) != epoch:
            return None
        self._owned[shard] = Ownership(shard, epoch + 1, host)
        self._changed()
        return epoch + 1

    async def release(self, shard: int, epoch: int) -> None:
        if self.epoch(shard) == epoch and self._owned[shard].host is not None:
            self._owned[shard] = Ownership(shard, epoch, None)
            self._changed()

    async def remove_host(self, host: str) -> None:
        if host in self._heartbeats:
            self._forget(host)
            self._changed()

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        changed = asyncio.get_running_loop().create_future()
        self._waiting.add(changed)
        try:
            # Not wait_for: Python 3.11's swallows a cancellation that comes together with the result.
            async with asyncio.timeout(timeout_seconds):
                await changed
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(changed)
        return True

    def epoch(self, shard: int) -> int:
        """Return the shard's newest epoch. Raises ValueError if there is no such shard."""
        if not 0 <= shard < len(self._owned):
            raise ValueError(f"shard {shard} is not one of the ledger's {len(self._owned)} shards")
        return self._owned[shard].epoch

    def _is_fresh(self, seen: _Heartbeat) -> bool:
        return self._clock() - seen.at < self._lease_seconds

    def _forget(self, host: str) -> None:
        del self._heartbeats[host]
        self._owned = [Ownership(own.shard, own.epoch, None) if own.host == host else own for own in self._owned]

    def _changed(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
