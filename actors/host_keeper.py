"""Keeps one ShardHost actor alive: starts it, notices its death, starts the next one.

The replicas of the Serve deployment `ShardHosts` are such keepers, so the number of hosts is that deployment's `num_replicas`.
The keeper also takes its host's snapshots, by replay, in its own process: taking one never makes a payment wait.
"""

import asyncio
import contextlib
import logging
from time import monotonic
from typing import Any
from uuid import uuid4

import ray
from ray.exceptions import ActorUnschedulableError, RayActorError

from actors.host import HostStatus
from actors.placement import NAMESPACE, beside_me
from actors.shard_host import ShardHost
from processor.journal.interface import Journal, JournalUnavailable, ShardMap
from processor.recovery import take_snapshot
from processor.settings import Settings

logger = logging.getLogger(__name__)

PING_SECONDS = 0.5
SNAPSHOT_CHECK_SECONDS = 5.0


class HostKeeper:
    """One place for a shard host."""

    def __init__(self, settings: Settings, journal: Journal, shard_map: ShardMap) -> None:
        self._settings = settings
        self._journal = journal
        self._map = shard_map
        self._actor: ray.actor.ActorHandle | None = None
        self._name = ""
        self._status: HostStatus | None = None
        self._snapshot_events: dict[tuple[str, int], int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start a host, and keep one running until `stop`."""
        await self._start_host()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep()), loop.create_task(self._keep_snapshots())]

    async def stop(self) -> None:
        """Let the host give its shards up, and end it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._actor is not None:
            try:
                async with asyncio.timeout(self._settings.request_timeout_seconds):
                    await self._actor.stop.remote()
            except (RayActorError, ActorUnschedulableError, TimeoutError) as error:
                logger.warning("shard host %s did not stop cleanly: %s", self._name, error)
            ray.kill(self._actor)

    @property
    def status(self) -> HostStatus | None:
        """What the host last said of itself; None: nothing yet."""
        return self._status

    def check(self) -> None:
        """Raise if the keeper itself has stopped working, so that Serve replaces it."""
        for task in self._tasks:
            if task.done():
                raise RuntimeError("the keeper of a shard host has stopped")

    async def _start_host(self) -> None:
        self._name = f"shard-host-{uuid4().hex[:12]}"
        self._actor = ShardHost.options(  # type: ignore[attr-defined]
            name=self._name, namespace=NAMESPACE, scheduling_strategy=beside_me()
        ).remote(self._name, self._settings)
        pid = await self._actor.start.remote()
        logger.info("started %s with process id %d", self._name, pid)

    async def _keep(self) -> None:
        while True:
            await self._replace(is_dead=await self._until_gone())

    async def _until_gone(self) -> bool:
        """Return True as soon as the host's process has died, False when it has kept silent for two leases."""
        assert self._actor is not None
        ended = asyncio.ensure_future(_end_of(self._actor))
        answered_at = monotonic()
        try:
            while True:
                done, _ = await asyncio.wait({ended}, timeout=PING_SECONDS)
                if done:
                    return True
                try:
                    async with asyncio.timeout(self._settings.lease_seconds):
                        self._status = await self._actor.status.remote()
                    answered_at = monotonic()
                except RayActorError:
                    return True
                except TimeoutError:
                    if monotonic() - answered_at > 2 * self._settings.lease_seconds:
                        return False
        finally:
            ended.cancel()

    async def _replace(self, is_dead: bool) -> None:
        """Start another host. A host that only keeps silent may still live: its lease runs out, and the journal refuses it."""
        logger.warning("shard host %s %s; starting another", self._name, "died" if is_dead else "does not answer")
        gone, silent = self._name, self._actor
        try:
            if is_dead:
                await self._map.remove_host(gone)
            await self._start_host()
            if not is_dead and silent is not None:
                ray.kill(silent)
        except (JournalUnavailable, RayActorError) as error:
            logger.error("no new shard host yet, trying again: %s", error)

    async def _keep_snapshots(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_CHECK_SECONDS)
            for position in self._status.shards if self._status is not None else ():
                key = (self._name, position.shard)
                # A large state is written less often, so that writing it stays a small part of the work that made it.
                enough = max(self._settings.snapshot_events, position.size // 2)
                if position.events - self._snapshot_events.get(key, 0) < enough:
                    continue
                try:
                    await take_snapshot(self._journal, position.shard)
                    self._snapshot_events[key] = position.events
                except JournalUnavailable:
                    break
                except Exception:
                    logger.exception("no snapshot of shard %d: replay of its journal failed", position.shard)


async def _end_of(actor: Any) -> None:
    """Return when the actor's process is gone: Ray fails a call under way within milliseconds."""
    with contextlib.suppress(RayActorError):
        await actor.wait_until_stopped.remote()
