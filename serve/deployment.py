"""What Ray Serve runs: `ShardHosts`, whose replicas keep one shard host each, `Api`, whose replicas answer HTTP, `Projections`,
which keeps the read model up with the journal, `Auditor`, which holds all of them against the journal, and `Bridges`, which keeps one
actor for each bridge.

Serve places, checks, restarts and scales them. Requests do not pass through Serve's proxy: every Api replica owns a listener, and
replicas on one node share the port (SO_REUSEPORT), so the kernel spreads connections over them.
"""

import asyncio
import contextlib
import logging
from functools import partial

import uvicorn
from ray import serve as ray_serve

from actors.connections import connect_journal
from actors.door_handle import DoorHandle
from actors.host_keeper import HostKeeper
from actors.ray_export import RayExport, keep_updating
from actors.router import Router
from actors.shard_host import keep_collector_out_of_the_way
from processor.bridges.status import enabled_bridges
from processor.bridges.webhooks.admin import WebhookAdmin
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from serve.app import create_app
from serve.dead_letters import DeadLetters
from serve.draining import DrainingServer
from serve.host_calls import HostCalls
from serve.limits import IDLE_SECONDS_MAX
from serve.listener import open_listener
from serve.projected_reads import ProjectedReads
from serve.replica import WATCHED, replica_settings
from serve.routed_ledger import RoutedLedger
from serve.serve_load import ServeLoad
from serve.shared_cache import SharedCache
from serve.tallies import Reading, ReplicaRegistry
from serve.upkeep import Auditor, Bridges, Projections
from serve.wire.gathering import GatheringProtocol

logger = logging.getLogger(__name__)

LISTEN_BACKLOG = 2048
DRAIN_SECONDS = 10
# The name by which Serve's autoscaling knows the requests under way in a replica.
_RUNNING_REQUESTS = "running_requests"
# In a rolling update at least one new replica serves before an old one goes, even if there is only one.
_SURGE_PERCENT = 20


@ray_serve.deployment(
    name="ShardHosts",
    **WATCHED,
    max_surge_percent=_SURGE_PERCENT,
    graceful_shutdown_timeout_s=15,
)
class ShardHosts:
    """Each replica keeps one ShardHost actor alive: `num_replicas` is the number of hosts."""

    async def __init__(self) -> None:  # type: ignore[misc]
        settings = replica_settings()
        journal, shard_map = await connect_journal(settings)
        self._keeper = HostKeeper(settings, journal, shard_map)
        await self._keeper.start()
        load = ServeLoad(self._decided, self._waiting)
        self._telling = asyncio.create_task(keep_updating(load.update))

    def check_health(self) -> None:
        """Called by Serve; raises if the keeper is broken."""
        self._keeper.check()

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve where `autoscaling_config` is set: what waits at the host counts as requests under way."""
        return {_RUNNING_REQUESTS: float(self._waiting())}

    async def __del__(self) -> None:
        """Called by Serve when the replica goes: the host gives its shards up first."""
        await self._keeper.stop()
        self._telling.cancel()

    def _decided(self) -> dict[str, int]:
        return {"messages": self._keeper.status.messages} if self._keeper.status else {}

    def _waiting(self) -> int:
        return self._keeper.status.queue_length if self._keeper.status else 0


@ray_serve.deployment(
    name="Api",
    **WATCHED,
    max_surge_percent=_SURGE_PERCENT,
    graceful_shutdown_timeout_s=DRAIN_SECONDS + 5,
)
class Api:
    """The HTTP API on a listener of its own. It is given the other deployments only to start after them."""

    async def __init__(self, shard_hosts: object, *others: object) -> None:  # type: ignore[misc]
        settings = replica_settings()
        journal, shard_map = await connect_journal(settings)
        shards = await journal.shard_count()
        registry = ReplicaRegistry(ray_serve.get_replica_context().replica_tag)
        calls = HostCalls(partial(DoorHandle, shard_map=shard_map), registry)
        router = Router(shard_map, calls.connect, settings.request_timeout_seconds, settings.queue_limit_messages)
        self._routing = asyncio.create_task(router.run())
        reads = await ProjectedReads.connect(settings.database_url, journal, enabled_bridges(settings))
        Reading("payments_api_waiting_messages", "Messages to hosts without an answer", lambda: router.waiting_messages, registry)
        self._cache = SharedCache.connect(settings)
        Reading("payments_event_streams", "Streams of events that are open", lambda: self._app.streams, registry)
        if (link := self._cache.link) is not None:
            Reading("payments_redis_up", "0 while Redis is left alone because it did not answer", lambda: link.is_up, registry)
            Reading("payments_redis_failures", "Round trips to Redis that failed", lambda: link.failures, registry)
        ledger = RoutedLedger(shards, router, journal, shard_map, reads)
        webhooks = WebhookAdmin.of_settings(settings, journal)
        self._link = Link(settings.database_url, DEFAULT_TIMEOUTS)
        self._letters = DeadLetters(settings, self._link.fetch)
        self._app = create_app(ledger, registry=registry, cache=self._cache, webhooks=webhooks, dead_letters=self._letters)
        config = uvicorn.Config(
            self._app, http=GatheringProtocol, ws="none", loop="none", lifespan="off", access_log=False, log_level="warning",
            server_header=False, proxy_headers=False, timeout_graceful_shutdown=DRAIN_SECONDS, backlog=LISTEN_BACKLOG,
            timeout_keep_alive=IDLE_SECONDS_MAX,
        )  # fmt: skip
        self._server = DrainingServer(config, self._app.end_streams)
        # Ray's worker handles the process's signals.
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        listener = open_listener(settings.host, settings.port)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        export, load = RayExport(registry.collect), ServeLoad(self._app.metrics.answers_by_route, self._ongoing)
        self._telling = [asyncio.create_task(keep_updating(update)) for update in (export.update, load.update)]
        keep_collector_out_of_the_way()
        logger.info("listening on %s:%d", settings.host, settings.port)

    def check_health(self) -> None:
        """Called by Serve; raises if the listener or the routing has stopped."""
        for task in (self._serving, self._routing):
            if task.done():
                raise RuntimeError("the API's listener or its routing has stopped")

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve where `autoscaling_config` is set: its own count is zero, as it passes no request on."""
        return {_RUNNING_REQUESTS: float(self._ongoing())}

    def _ongoing(self) -> int:
        return self._app.metrics.in_flight.value

    async def __del__(self) -> None:
        """Called by Serve when the replica goes: no new connections, and those under way are answered."""
        self._server.should_exit = True
        await self._serving
        await self._app.drain()
        await self._cache.close()
        self._letters.close()
        await self._link.close()
        for task in (self._routing, *self._telling):
            task.cancel()


def build(arguments: dict[str, str]) -> ray_serve.Application:
    """Return the application; Serve calls this with the config's `args`, which are not used: settings come by the environment."""
    shard_hosts = ShardHosts.bind()  # type: ignore[attr-defined]
    return Api.bind(shard_hosts, Projections.bind(), Auditor.bind(shard_hosts), Bridges.bind())  # type: ignore[attr-defined]
