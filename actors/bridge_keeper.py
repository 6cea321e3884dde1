"""Keeps one actor alive for each bridge: starts it, notices its death, starts the next one after a pause that grows."""

import asyncio
import logging
from time import monotonic
from uuid import uuid4

import ray
from ray.exceptions import RayActorError, RayTaskError

from actors.bridge import BridgeActor
from actors.placement import NAMESPACE, beside_me
from processor.bridges.pace import BACKOFF_SECONDS_MAX, Backoff
from processor.bridges.status import enabled_bridges
from processor.bridges.webhook_endpoints import WEBHOOKS, has_webhook_endpoints
from processor.journal.interface import JournalUnavailable
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.settings import Settings

logger = logging.getLogger(__name__)

PING_SECONDS = 2.0
SILENT_SECONDS = 60.0
"""An actor that has not answered for so long is replaced. Its event loop only ever stands still by a mistake."""

ENDPOINTS_SECONDS = 1.0


class BridgeKeeper:
    """All bridges that the settings name, and the one to webhooks once there is an endpoint."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def run(self) -> None:
        """Keep them until cancelled; then they end."""
        async with asyncio.TaskGroup() as tasks:
            for name in enabled_bridges(self._settings):
                tasks.create_task(self._keep(name))
            tasks.create_task(self._keep_webhooks())

    async def _keep_webhooks(self) -> None:
        link = Link(self._settings.database_url, DEFAULT_TIMEOUTS)
        while True:
            try:
                if await has_webhook_endpoints(link.fetch):
                    break
            except JournalUnavailable as error:
                logger.warning("whether there are webhook endpoints is not known: %s", error)
            await asyncio.sleep(ENDPOINTS_SECONDS)
        await link.close()
        await self._keep(WEBHOOKS)

    async def _keep(self, name: str) -> None:
        backoff = Backoff()
        while True:
            began = monotonic()
            actor = BridgeActor.options(  # type: ignore[attr-defined]
                name=f"bridge-{name}-{uuid4().hex[:12]}", namespace=NAMESPACE, scheduling_strategy=beside_me()
            ).remote(name, self._settings)
            try:
                logger.warning("bridge %s %s; starting another", name, await _until_gone(actor))
            finally:
                ray.kill(actor)
            if monotonic() - began > BACKOFF_SECONDS_MAX:
                backoff.reset()
            await asyncio.sleep(backoff.next_seconds())


async def _until_gone(actor: ray.actor.ActorHandle) -> str:
    """Return why the actor does not work any more, as soon as that is so."""
    ended = asyncio.ensure_future(_run(actor))
    answered_at = monotonic()
    try:
        while True:
            await asyncio.wait({ended}, timeout=PING_SECONDS)
            if ended.done():
                return ended.result()
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await actor.ping.remote()
                answered_at = monotonic()
            except RayActorError:
                return "died"
            except TimeoutError:
                if monotonic() - answered_at > SILENT_SECONDS:
                    return "does not answer"
    finally:
        ended.cancel()


async def _run(actor: ray.actor.ActorHandle) -> str:
    try:
        await actor.run.remote()
    except RayActorError:
        return "died"
    except RayTaskError as error:
        return f"failed ({error.cause})"
    return "was replaced by another copy"
