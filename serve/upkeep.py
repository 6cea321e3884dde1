"""Work that goes on beside the payments, each in a process of its own: the read model, the audit, the bridges.

Apart from serve.deployment, so that these processes need not load the HTTP interface: that takes a third of a second each.
"""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

from ray import serve as ray_serve

from actors.auditing import keep_auditing
from actors.bridge_keeper import BridgeKeeper
from processor.journal.choice import connect_journal
from processor.projections.upkeep import keep_projections
from serve.replica import WATCHED, replica_settings

PROJECTIONS_NICENESS = 10
AUDITOR_NICENESS = 15
BRIDGES_NICENESS = 5


class _Upkeep:
    """Work that goes on for ever in a process of its own, and gives way to what payments wait for."""

    def _begin(self, work: Coroutine[Any, Any, None], niceness: int) -> None:
        os.nice(niceness)  # On Linux this counts for the calling thread, which is the one that works.
        self._working = asyncio.create_task(work)

    def check_health(self) -> None:
        """Called by Serve; raises if the work has ended."""
        if self._working.done():
            raise RuntimeError(f"{type(self).__name__} has stopped") from self._working.exception()

    async def __del__(self) -> None:
        """Called by Serve when the replica goes; the next one goes on from what is in the database."""
        self._working.cancel()


@ray_serve.deployment(name="Projections", graceful_shutdown_timeout_s=5, **WATCHED)
class Projections(_Upkeep):
    """Keeps the read model up with the journal."""

    async def __init__(self) -> None:  # type: ignore[misc]
        settings = replica_settings()
        journal = None if settings.journal == "postgres" else await connect_journal(settings)
        self._begin(keep_projections(settings.database_url, settings.projection_share, journal), PROJECTIONS_NICENESS)


@ray_serve.deployment(name="Auditor", graceful_shutdown_timeout_s=5, **WATCHED)
class Auditor(_Upkeep):
    """Holds the journal, the read model and the live shards against each other. It asks the shard hosts, so they start first."""

    async def __init__(self, shard_hosts: object) -> None:  # type: ignore[misc]
        self._begin(keep_auditing(replica_settings()), AUDITOR_NICENESS)


@ray_serve.deployment(name="Bridges", graceful_shutdown_timeout_s=5, **WATCHED)
class Bridges(_Upkeep):
    """Keeps an actor for each bridge, which does the work."""

    async def __init__(self) -> None:  # type: ignore[misc]
        self._begin(BridgeKeeper(replica_settings()).run(), BRIDGES_NICENESS)
