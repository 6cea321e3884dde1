"""Counts the calls from one API replica to the shard hosts."""

from time import perf_counter

from prometheus_client import CollectorRegistry

from actors.buckets import MESSAGES, SECONDS
from actors.host import Connect, HostHandle
from serve.tallies import Level, Tallies, Timings


def message_count(batch: bytes) -> int:
    """Return how many messages a MessagePack list has, by its head alone; 0 if it is no list."""
    kind = batch[0] if batch else 0
    if kind & 0xF0 == 0x90:
        return kind & 0x0F
    if kind == 0xDC:
        return int.from_bytes(batch[1:3])
    return int.from_bytes(batch[1:5]) if kind == 0xDD else 0


class HostCalls:
    """The figures, and the way to handles that keep them."""

    def __init__(self, connect: Connect, registry: CollectorRegistry) -> None:
        """`connect` makes the handles that are called."""
        self._connect = connect
        call_seconds = "Time of a call to a shard host, until all its answers are durable"
        self.seconds = Timings("payments_api_call_seconds", call_seconds, "", SECONDS, registry).labels()
        self.messages = Timings("payments_api_call_messages", "Messages of a call", "", MESSAGES, registry).labels()
        self.under_way = Level("payments_api_calls_under_way", "Calls to shard hosts that are not answered", registry)
        self.lost = Tallies("payments_api_lost_calls", "Calls whose host died or did not answer in time", (), registry).labels()

    def connect(self, actor: str) -> HostHandle:
        """Return a handle to this actor. Raises HostGone."""
        return _CountedHandle(self._connect(actor), self)


class _CountedHandle:
    """Implements HostHandle."""

    def __init__(self, handle: HostHandle, calls: HostCalls) -> None:
        self._calls = calls
        self._submit = handle.submit
        self.exchange = handle.exchange
        self.status = handle.status

    async def submit(self, batch: bytes) -> bytes:
        calls, count, started = self._calls, message_count(batch), perf_counter()
        calls.under_way.value += 1
        try:
            return await self._submit(batch)
        except BaseException:
            calls.lost.inc()
            raise
        finally:
            calls.under_way.value -= 1
            calls.messages.add(count)
            calls.seconds.add(perf_counter() - started)
