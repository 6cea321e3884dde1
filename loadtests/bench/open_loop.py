"""Open-loop load: requests fall due at random times, however long the answers take.

A latency counts from the moment at which the request was due, so a server that stands still is not spared the requests that would
have come meanwhile. What waits for longer than the client has room for is counted as dropped.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random
from time import monotonic

import msgspec

from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.latencies import Latencies
from processor.client.post import Post
from processor.client.together import run_together

_TICK_SECONDS = 0.001
"""The event loop's timers are no finer: what falls due within a tick starts together, at most so much too late."""

_WAITING_SECONDS = 1.0
"""So many seconds of arrivals may wait for a free connection before the next ones are dropped."""


class Arrivals(msgspec.Struct, frozen=True):
    """Payments as (idempotency key, body), and when each is due, in seconds from the beginning: a Poisson process."""

    bodies: Sequence[tuple[bytes, bytes]]
    due_seconds: Sequence[float]
    rate: float


class OpenLoopResult(msgspec.Struct):
    """What a load did. Times are monotonic seconds; `latencies` go from due to answered, and hold the due times."""

    started: float
    seconds: float
    statuses: dict[int, int]
    retries: int
    dropped: int
    latencies: Latencies
    answered_at: list[float]

    @property
    def count(self) -> int:
        """How many payments were answered."""
        return len(self.latencies)

    @property
    def errors(self) -> dict[int, int]:
        """Payments per status that is not a success."""
        return {status: count for status, count in sorted(self.statuses.items()) if not 200 <= status < 300}


def arrivals(bodies: Sequence[tuple[bytes, bytes]], rate: float, random: Random) -> Arrivals:
    """Let the payments fall due at so many a second on average, each independent of the others."""
    due_seconds, due = [], 0.0
    for _ in bodies:
        due += random.expovariate(rate)
        due_seconds.append(due)
    return Arrivals(bodies, due_seconds, rate)


async def run_open_loop(url: str, load: Arrivals, connections: int) -> OpenLoopResult:
    """Send each payment when it is due, or as soon afterwards as one of the connections is free. Raises Unavailable, BadUrl."""
    address = parse_address(url)
    post = Post(address, "/v1/payments")
    waiting: asyncio.Queue[int | None] = asyncio.Queue(max(round(load.rate * _WAITING_SECONDS), 1))
    opened = [Connection(address) for _ in range(connections)]
    begin = monotonic()
    result = OpenLoopResult(begin, 0.0, Counter(), 0, 0, Latencies(), [])

    async def drive(connection: Connection) -> None:
        async with connection:
            while (index := await waiting.get()) is not None:
                key, body = load.bodies[index]
                reply = await connection.send(post.fill(body, key))
                answered = monotonic()
                due = begin + load.due_seconds[index]
                result.statuses[reply.status] = result.statuses.get(reply.status, 0) + 1
                result.latencies.add(due, answered - due)
                result.answered_at.append(answered)

    async def release() -> None:
        for index, due in enumerate(load.due_seconds):
            left = begin + due - monotonic()
            if left > 0:
                await asyncio.sleep(max(left, _TICK_SECONDS))
            try:
                waiting.put_nowait(index)
            except asyncio.QueueFull:
                result.dropped += 1
        for _ in opened:
            await waiting.put(None)

    await run_together([release(), *(drive(connection) for connection in opened)])
    result.retries = sum(connection.retries for connection in opened)
    result.seconds = monotonic() - begin
    return result


def longest_gap(answered_at: Sequence[float], begin: float, end: float) -> float:
    """Return the longest time between two answers, or without any, from `begin` to `end`."""
    moments = [begin, *sorted(moment for moment in answered_at if begin < moment < end), end]
    return max(later - earlier for earlier, later in zip(moments, moments[1:], strict=False))
