"""A shard host as other processes reach it: through its door, which the shard map knows.

Not through Ray: a host may be in another Ray cluster, since during an upgrade two of them share the shards. And hosts that are there stay
in reach while Ray's control store is not.
"""

import msgspec

from actors.door import DoorPlace
from actors.host import HostGone, HostStatus
from actors.passage import Passage
from processor.journal.interface import JournalUnavailable, ShardMap

_decode_place = msgspec.msgpack.Decoder(DoorPlace).decode
_decode_status = msgspec.msgpack.Decoder(HostStatus).decode


class DoorHandle:
    """Implements HostHandle. One per host and process."""

    def __init__(self, actor: str, shard_map: ShardMap) -> None:
        self._actor = actor
        self._map = shard_map
        self._passage = Passage(self._find)
        self.submit, self.exchange = self._passage.submit, self._passage.exchange

    async def status(self) -> HostStatus:
        """Return how the host is doing."""
        try:
            return _decode_status(await self._passage.status())
        except (msgspec.DecodeError, RuntimeError) as error:
            raise HostGone(f"the host {self._actor} is of a version that does not say how it is doing: {error}") from error

    async def _find(self) -> DoorPlace:
        try:
            hosts, _ = await self._map.view()
        except JournalUnavailable as error:
            raise HostGone(f"it is not known where the door of {self._actor} is: {error}") from error
        for host in hosts:
            if host.actor == self._actor and host.door:
                return _decode_place(host.door)
        raise HostGone(f"there is no host {self._actor}")
