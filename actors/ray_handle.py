"""A shard host's actor: found and asked through Ray, handed batches through its door."""

import ray
from ray.exceptions import RayActorError

from actors.door import DoorPlace
from actors.host import HostGone, HostStatus
from actors.passage import Passage

NAMESPACE = "payments"


class RayHandle:
    """Implements HostHandle. One per host and process; finds the actor by its name once."""

    def __init__(self, actor: str) -> None:
        try:
            self._actor = ray.get_actor(actor, namespace=NAMESPACE)
        except ValueError as error:
            raise HostGone(f"there is no actor {actor}") from error
        passage = Passage(self._door)
        self.submit, self.exchange = passage.submit, passage.exchange

    async def status(self) -> HostStatus:
        """Return how the host is doing."""
        try:
            status: HostStatus = await self._actor.status.remote()
        except RayActorError as error:
            raise HostGone(str(error)) from error
        return status

    async def _door(self) -> DoorPlace:
        try:
            place: DoorPlace = await self._actor.door.remote()
        except RayActorError as error:
            raise HostGone(str(error)) from error
        return place
