"""Batches go through a shard host's door and their answers come back, or whoever waits learns that the host is gone."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from actors.door import Door, DoorPlace
from actors.frames import FRAME_BYTES_MAX
from actors.host import HostGone
from actors.passage import Passage
from tests.unit.actors.rounds import until

pytestmark = pytest.mark.anyio


class Echo:
    """Answers every batch with itself reversed, once it is let go; refuses what says so."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.held: list[tuple[bytes, asyncio.Future[bytes]]] = []
        self.is_holding = False

    def put(self, batch: bytes) -> asyncio.Future[bytes]:
        if batch == b"unreadable":
            raise ValueError("this is not a list of messages")
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.held.append((batch, future))
        if not self.is_holding:
            future.set_result(batch[::-1])
        return future

    def receive(self, batch: bytes) -> None:
        self.received.append(batch)


class Host:
    """A host with nothing but a door."""

    def __init__(self) -> None:
        self.echo = Echo()
        self.door = Door(self.echo)
        self.place: DoorPlace | None = None
        self.found = 0

    async def find(self) -> DoorPlace:
        if self.place is None:
            raise HostGone("it is dead")
        self.found += 1
        return self.place


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    """A host that listens."""
    host = Host()
    host.place = await host.door.open("127.0.0.1")
    yield host
    host.door.close()


async def ends(reader: asyncio.StreamReader) -> bool:
    """Return whether the other side closes the connection without a word."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_a_batch_is_answered(host: Host) -> None:
    passage = Passage(host.find)
    assert await passage.submit(b"abc") == b"cba"
    assert await passage.submit(b"") == b""


async def test_batches_of_any_size_come_through_whole_in_both_directions(host: Host) -> None:
    passage = Passage(host.find)
    batches = [bytes(range(256)) * size for size in (1, 63, 64, 65, 4_000, 40_000)]
    answers = await asyncio.gather(*(passage.submit(batch) for batch in batches))
    assert answers == [batch[::-1] for batch in batches]


async def test_answers_find_their_questions_in_any_order(host: Host) -> None:
    host.echo.is_holding = True
    passage = Passage(host.find)
    asked = [asyncio.ensure_future(passage.submit(batch)) for batch in (b"first", b"second", b"third")]
    await until(lambda: len(host.echo.held) == 3)
    for batch, future in reversed(host.echo.held):
        future.set_result(batch.upper())
    assert await asyncio.gather(*asked) == [b"FIRST", b"SECOND", b"THIRD"]


async def test_all_calls_share_one_connection(host: Host) -> None:
    passage = Passage(host.find)
    await asyncio.gather(*(passage.submit(b"x") for _ in range(10)))
    assert host.found == 1


async def test_messages_of_other_hosts_arrive_without_an_answer(host: Host) -> None:
    passage = Passage(host.find)
    await passage.exchange(b"vote")
    await until(lambda: host.echo.received == [b"vote"])


async def test_who_does_not_know_the_secret_gets_nothing(host: Host) -> None:
    assert host.place is not None

    async def wrong() -> DoorPlace:
        assert host.place is not None
        return DoorPlace(host.place.address, host.place.port, b"guessed")

    with pytest.raises(HostGone):
        await Passage(wrong).submit(b"abc")
    assert not host.echo.held


async def test_who_says_no_secret_at_all_is_not_heard(host: Host) -> None:
    assert host.place is not None
    reader, writer = await asyncio.open_connection(host.place.address, host.place.port)
    writer.write((3).to_bytes(4, "little") + (1).to_bytes(8, "little") + b"\x01abc")
    assert await ends(reader)
    assert not host.echo.held
    writer.close()


async def test_a_frame_that_is_too_long_ends_the_connection(host: Host) -> None:
    assert host.place is not None
    reader, writer = await asyncio.open_connection(host.place.address, host.place.port)
    writer.write((FRAME_BYTES_MAX + 1).to_bytes(4, "little") + bytes(9))
    assert await ends(reader)
    writer.close()


async def test_who_waits_when_the_host_dies_is_told(host: Host) -> None:
    host.echo.is_holding = True
    passage = Passage(host.find)
    asked = asyncio.ensure_future(passage.submit(b"abc"))
    await until(lambda: bool(host.echo.held))
    host.door.close()
    with pytest.raises(HostGone):
        await asked


async def test_after_a_lost_connection_the_next_call_opens_another(host: Host) -> None:
    passage = Passage(host.find)
    assert await passage.submit(b"abc") == b"cba"
    passage.close()
    await until(lambda: passage._line is not None and not passage._line.is_open)
    assert await passage.submit(b"abc") == b"cba"
    assert host.found == 2


async def test_a_dead_host_is_gone() -> None:
    with pytest.raises(HostGone):
        await Passage(Host().find).submit(b"abc")


async def test_a_batch_that_cannot_be_read_fails_alone(host: Host) -> None:
    passage = Passage(host.find)
    with pytest.raises(RuntimeError, match="not a list of messages"):
        await passage.submit(b"unreadable")
    assert await passage.submit(b"abc") == b"cba"
