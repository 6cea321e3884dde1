"""The Ray actor around a shard host. One process, one event loop, many shards."""

import asyncio
import gc
import logging
import os
from functools import partial

import msgspec
import ray

from actors.connections import connect_archive, connect_journal, retention
from actors.door import Door
from actors.door_handle import DoorHandle
from actors.host import Host, HostStatus
from actors.metrics import host_families
from actors.ray_export import RayExport, keep_updating
from processor.settings import Settings

logger = logging.getLogger(__name__)


def keep_collector_out_of_the_way() -> None:
    """Collect garbage rarely: a ledger's state is millions of long-lived objects, and it makes hardly any cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def _end_process() -> None:
    """End at once; the keeper starts another host, which recovers everything from the journal."""
    os._exit(1)


@ray.remote(num_cpus=0, max_restarts=0, enable_task_events=False)
class ShardHost:
    """Owns a set of shards at the moment and commits for all of them together.

    Ray may let two live copies of an actor exist; the journal refuses all but the newest owner of each shard.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._name = name
        self._settings = settings
        self._host: Host | None = None
        self._stopped = asyncio.Event()

    def __repr__(self) -> str:
        return f"ShardHost({self._name})"

    async def start(self) -> int:
        """Connect to the journal and begin to claim shards; return the process id. Raises JournalUnavailable."""
        journal, shard_map = await connect_journal(self._settings)
        shards = await journal.shard_count()
        limit = self._settings.queue_limit_messages
        archive = await connect_archive(self._settings, journal)
        self._host = Host(
            journal,
            shard_map,
            shards,
            self._name,
            os.getpid(),
            partial(DoorHandle, shard_map=shard_map),
            limit,
            _end_process,
            archive,
            retention(self._settings),
        )
        self._door = Door(self._host.loop, lambda: msgspec.msgpack.encode(self._started().status()))
        self._host.start(msgspec.msgpack.encode(await self._door.open(ray.util.get_node_ip_address())))
        export = RayExport(lambda: host_families([self._started().status()]))
        self._exporting = asyncio.create_task(keep_updating(export.update))
        keep_collector_out_of_the_way()
        return os.getpid()

    async def stop(self) -> None:
        """Give all shards up, so that others can take them at once."""
        if self._host is not None:
            await self._host.stop()
        self._stopped.set()

    async def wait_until_stopped(self) -> None:
        """Return when `stop` has been called. Whoever waits learns at once when the process dies."""
        await self._stopped.wait()

    async def status(self) -> HostStatus:
        """Return how the host is doing. Also how its keeper sees that it is alive."""
        return self._started().status()

    def _started(self) -> Host:
        if self._host is None:
            raise RuntimeError("the shard host has not been started")
        return self._host
