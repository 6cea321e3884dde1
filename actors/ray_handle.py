"""A shard host's actor, called through Ray."""

import ray
from ray.exceptions import RayActorError

from actors.host import HostGone, HostStatus

NAMESPACE = "payments"


class RayHandle:
    """Implements HostHandle. One per host and process; finds the actor by its name once."""

    def __init__(self, actor: str) -> None:
        try:
            self._actor = ray.get_actor(actor, namespace=NAMESPACE)
        except ValueError as error:
            raise HostGone(f"there is no actor {actor}") from error

    async def submit(self, batch: bytes) -> bytes:
        """Hand over messages and get their answers."""
        try:
            answers: bytes = await self._actor.submit.remote(batch)
        except RayActorError as error:
            raise HostGone(str(error)) from error
        return answers

    async def exchange(self, batch: bytes) -> None:
        """Hand over messages from other hosts' shards."""
        try:
            await self._actor.exchange.remote(batch)
        except RayActorError as error:
            raise HostGone(str(error)) from error

    async def status(self) -> HostStatus:
        """Return how the host is doing."""
        try:
            status: HostStatus = await self._actor.status.remote()
        except RayActorError as error:
            raise HostGone(str(error)) from error
        return status
