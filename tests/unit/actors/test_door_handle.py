"""A host is found by what the shard map says of its door, whichever cluster it is in, and says there how it is doing."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.door import Door
from actors.door_handle import DoorHandle
from actors.host import Host, HostGone
from processor.core.ledger import Retention
from processor.journal.interface import Host as HostRow
from processor.journal.interface import JournalUnavailable, Ownership
from processor.journal.memory import MemoryJournal
from tests.unit.actors.rounds import until

pytestmark = pytest.mark.anyio

SHARDS = 2
RETENTION = Retention(100, 1_000_000, 1_024)


class Served:
    """A host over a journal in memory, with a door, as ShardHost wires them."""

    def __init__(self) -> None:
        self.journal = MemoryJournal(SHARDS)
        self.host = Host(
            self.journal, self.journal, SHARDS, "host", 7, lambda actor: DoorHandle(actor, self.journal), 100, retention=RETENTION
        )
        self.door = Door(self.host.loop, lambda: msgspec.msgpack.encode(self.host.status()))

    async def start(self) -> None:
        self.host.start(msgspec.msgpack.encode(await self.door.open("127.0.0.1")))
        await until(lambda: len(self.host.loop.held) == SHARDS)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A host that serves all shards."""
    served = Served()
    await served.start()
    yield served
    served.door.close()
    await served.host.stop()


async def test_a_host_tells_through_its_door_how_it_is_doing(served: Served) -> None:
    status = await DoorHandle("host", served.journal).status()
    assert (status.host, status.pid) == ("host", 7)
    assert [position.shard for position in status.shards] == list(range(SHARDS))
    assert status == served.host.status()


async def test_a_host_that_the_map_does_not_know_is_gone(served: Served) -> None:
    with pytest.raises(HostGone, match="there is no host other"):
        await DoorHandle("other", served.journal).submit(b"\x90")


async def test_a_host_that_has_left_is_gone(served: Served) -> None:
    handle = DoorHandle("host", served.journal)
    await handle.status()
    served.door.close()
    await served.host.stop()
    with pytest.raises(HostGone):
        await handle.status()


async def test_a_door_that_does_not_say_how_the_host_is_doing_is_as_good_as_none(served: Served) -> None:
    silent = Door(served.host.loop)
    place = msgspec.msgpack.encode(await silent.open("127.0.0.1"))
    await served.journal.heartbeat("older", "older", 1, door=place)
    with pytest.raises(HostGone, match="of a version"):
        await DoorHandle("older", served.journal).status()
    silent.close()


class UnreachableMap:
    """A shard map whose store does not answer."""

    async def view(self) -> tuple[list[HostRow], list[Ownership]]:
        raise JournalUnavailable("no route to it")


async def test_without_the_map_a_host_that_is_not_connected_yet_is_gone() -> None:
    with pytest.raises(HostGone, match="no route to it"):
        await DoorHandle("host", UnreachableMap()).submit(b"\x90")  # type: ignore[arg-type]
