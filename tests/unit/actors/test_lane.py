"""A lane folds what many ask into few calls, in order, and never leaves anybody without an answer."""

import asyncio

import msgspec
import pytest

from actors.host import HostGone, HostStatus
from actors.lane import CALL_MESSAGES_MAX, Lane
from processor.core import messages as m
from tests.unit.actors.rounds import until

pytestmark = pytest.mark.anyio

_decode = msgspec.msgpack.Decoder(list[m.AnyMessage]).decode
_encode = msgspec.msgpack.Encoder().encode

TIMEOUT_SECONDS = 30.0


class GatedHost:
    """A host whose calls wait until they are let through; each message is answered with its own shard's number."""

    def __init__(self) -> None:
        self.batches: list[list[m.AnyMessage]] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None

    async def submit(self, batch: bytes) -> bytes:
        messages = _decode(batch)
        self.batches.append(messages)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return _encode([m.NotOwner(message.shard) for message in messages])

    async def exchange(self, batch: bytes) -> None:
        raise AssertionError("a lane does not exchange")

    async def status(self) -> HostStatus:
        raise AssertionError("a lane does not ask for the status")


def asking(first: int, count: int) -> list[m.AnyMessage]:
    """Return messages that can be told apart by their shard."""
    return [m.ReadTotals(number) for number in range(first, first + count)]


async def called(host: GatedHost, calls: int) -> None:
    """Return once the host has been called so often."""
    await until(lambda: len(host.batches) >= calls)


async def test_answers_come_back_to_whoever_asked() -> None:
    host = GatedHost()
    host.gate.set()
    lane = Lane(host, TIMEOUT_SECONDS)
    futures = [lane.put(asking(10 * number, number)) for number in range(1, 6)]
    answers = await asyncio.gather(*futures)
    assert answers == [[m.NotOwner(shard) for shard in range(10 * n, 11 * n)] for n in range(1, 6)]
    assert lane.waiting_messages == 0


async def test_what_is_asked_in_one_round_leaves_in_one_call() -> None:
    host = GatedHost()
    lane = Lane(host, TIMEOUT_SECONDS)
    futures = [lane.put(asking(number, 1)) for number in range(5)]
    await called(host, 1)
    assert host.batches == [asking(0, 5)]
    host.gate.set()
    await asyncio.gather(*futures)


async def test_while_a_call_is_under_way_what_arrives_gathers_for_the_next() -> None:
    host = GatedHost()
    lane = Lane(host, TIMEOUT_SECONDS)
    futures = [lane.put(asking(0, 1))]
    await called(host, 1)
    futures += [lane.put(asking(100 + number, 1)) for number in range(7)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(host.batches) == 1
    host.gate.set()
    await asyncio.gather(*futures)
    assert host.batches[1:] == [asking(100, 7)]


async def test_a_call_holds_at_most_so_many_messages() -> None:
    host = GatedHost()
    host.gate.set()
    lane = Lane(host, TIMEOUT_SECONDS)
    half = CALL_MESSAGES_MAX // 2 + 1
    await asyncio.gather(lane.put(asking(0, half)), lane.put(asking(0, half)))
    assert [len(batch) for batch in host.batches] == [half, half]


@pytest.mark.parametrize("failure", [HostGone("it died"), RuntimeError("it raised")], ids=["died", "raised"])
async def test_when_a_call_fails_everybody_in_it_learns_it_and_the_lane_goes_on(failure: Exception) -> None:
    host = GatedHost()
    host.failure = failure
    host.gate.set()
    lane = Lane(host, TIMEOUT_SECONDS)
    futures = [lane.put(asking(number, 1)) for number in range(3)]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(result) for result in results] == [HostGone] * 3
    assert lane.waiting_messages == 0
    host.failure = None
    assert await lane.put(asking(7, 1)) == [m.NotOwner(7)]


async def test_somebody_who_gives_up_does_not_disturb_the_others() -> None:
    host = GatedHost()
    lane = Lane(host, TIMEOUT_SECONDS)
    gone, stays = lane.put(asking(1, 1)), lane.put(asking(2, 1))
    await called(host, 1)
    gone.cancel()
    host.gate.set()
    assert await stays == [m.NotOwner(2)]
    assert lane.waiting_messages == 0


async def test_a_host_that_keeps_silent_does_not_keep_anybody_waiting_for_ever() -> None:
    host = GatedHost()
    lane = Lane(host, timeout_seconds=0.001)
    with pytest.raises(HostGone):
        await lane.put(asking(1, 1))
    assert lane.waiting_messages == 0
    host.gate.set()
