"""Calls to shard hosts are counted, whatever becomes of them."""

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from actors.host import HostGone, HostHandle, HostStatus
from serve.host_calls import HostCalls, message_count

pytestmark = pytest.mark.anyio


class EchoHandle:
    """Implements HostHandle: answers with what it was asked, or is gone."""

    def __init__(self, actor: str) -> None:
        self._actor = actor

    async def submit(self, batch: bytes) -> bytes:
        if self._actor == "gone":
            raise HostGone(self._actor)
        return batch

    async def exchange(self, batch: bytes) -> None:
        raise NotImplementedError

    async def status(self) -> HostStatus:
        raise NotImplementedError


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_the_head_of_a_batch_says_how_many_messages_it_has(count: int) -> None:
    assert message_count(msgspec.msgpack.encode([0] * count)) == count


def test_what_is_no_list_has_no_messages() -> None:
    assert [message_count(batch) for batch in (b"", msgspec.msgpack.encode("text"))] == [0, 0]


async def test_calls_their_messages_and_their_losses_are_counted() -> None:
    registry = CollectorRegistry()
    calls = HostCalls(EchoHandle, registry)
    batch = msgspec.msgpack.encode([1, 2, 3])
    alive: HostHandle = calls.connect("alive")
    assert await alive.submit(batch) == batch
    with pytest.raises(HostGone):
        await calls.connect("gone").submit(batch)
    assert registry.get_sample_value("payments_api_call_messages_sum") == 6
    assert registry.get_sample_value("payments_api_call_seconds_count") == 2
    assert registry.get_sample_value("payments_api_lost_calls_total") == 1
    assert registry.get_sample_value("payments_api_calls_under_way") == 0
