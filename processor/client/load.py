"""Closed-loop load: every connection sends its next request as soon as the answer to the one before has come."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from time import monotonic

import msgspec

from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.latencies import Latencies
from processor.client.outcome import BATCH_PATH, MINIMAL, Outcome, send_batch
from processor.client.post import Post
from processor.client.reply import Reply
from processor.client.together import run_together


class Batch(msgspec.Struct, frozen=True, gc=False):
    """The body of one batch request, and how many payments are in it."""

    body: bytes
    count: int


class _Held(msgspec.Struct, rename={"payment": "id"}, gc=False):
    payment: str


_decode_held = msgspec.json.Decoder(_Held).decode


class LoadResult(msgspec.Struct):
    """What a load did. `started` is in monotonic seconds, `count` in payments; latencies are per request (a batch is one)."""

    started: float
    count: int
    statuses: dict[int, int]
    retries: int
    seconds: float
    latencies: Latencies

    @property
    def errors(self) -> dict[int, int]:
        """Payments per status that is not a success."""
        return {status: count for status, count in sorted(self.statuses.items()) if not 200 <= status < 300}

    @property
    def rate(self) -> float:
        """Payments answered per second."""
        return self.count / self.seconds if self.seconds else 0.0

    @property
    def p50_ms(self) -> float:
        """Median latency."""
        return self.latencies.percentile_ms(50)

    @property
    def p99_ms(self) -> float:
        """Latency that 99 % of the requests did not exceed."""
        return self.latencies.percentile_ms(99)

    @property
    def p999_ms(self) -> float:
        """Latency that 99.9 % of the requests did not exceed."""
        return self.latencies.percentile_ms(99.9)

    @property
    def max_ms(self) -> float:
        """The longest latency."""
        return self.latencies.percentile_ms(100)


async def run_single(
    url: str,
    bodies: Sequence[tuple[bytes, bytes]],
    connections: int,
    observe: Callable[[int, Reply], None] | None = None,
    seconds: float | None = None,
) -> LoadResult:
    """Send payments, given as (idempotency key, body), one by one; stop after all of them or after `seconds`.

    `observe` gets the index and the reply of each. Raises Unavailable, BadUrl.
    """
    post = Post(parse_address(url), "/v1/payments")
    statuses: Counter[int] = Counter()

    async def send(connection: Connection, index: int) -> int:
        key, body = bodies[index]
        reply = await connection.send(post.fill(body, key))
        statuses[reply.status] += 1
        if observe is not None:
            observe(index, reply)
        return 1

    return await _run(url, len(bodies), connections, send, statuses, seconds)


async def run_holds(
    url: str, bodies: Sequence[tuple[bytes, bytes]], connections: int, seconds: float | None = None
) -> LoadResult:
    """Send payments with `"mode": "hold"`, and capture each in full with the next request on its connection.

    A count of one, and one latency, is for both requests. Raises Unavailable, BadUrl.
    """
    address = parse_address(url)
    post = Post(address, "/v1/payments")
    statuses: Counter[int] = Counter()

    async def send(connection: Connection, index: int) -> int:
        key, body = bodies[index]
        reply = await connection.send(post.fill(body, key))
        if reply.status == HTTPStatus.CREATED:
            held = _decode_held(reply.body).payment
            reply = await connection.send(Post(address, f"/v1/payments/{held}/capture").fill(b"", key))
        statuses[reply.status] += 1
        return 1

    return await _run(url, len(bodies), connections, send, statuses, seconds)


async def run_batches(
    url: str,
    batches: Sequence[Batch],
    connections: int,
    observe: Callable[[int, list[Outcome]], None] | None = None,
    seconds: float | None = None,
) -> LoadResult:
    """Send batches, asking for minimal answers; stop after all of them or after `seconds`.

    `observe` gets the index of a batch and its outcomes. Raises Unavailable, UnexpectedAnswer, BadUrl.
    """
    post = Post(parse_address(url), BATCH_PATH, MINIMAL)
    statuses: Counter[int] = Counter()

    async def send(connection: Connection, index: int) -> int:
        batch = batches[index]
        outcomes = await send_batch(connection, post, batch.body, batch.count)
        statuses.update(outcome.status for outcome in outcomes)
        if observe is not None:
            observe(index, outcomes)
        return batch.count

    return await _run(url, len(batches), connections, send, statuses, seconds)


async def _run(
    url: str,
    requests: int,
    connections: int,
    send: Callable[[Connection, int], Awaitable[int]],
    statuses: Counter[int],
    seconds: float | None,
) -> LoadResult:
    indexes = iter(range(requests))
    latencies = Latencies()
    address = parse_address(url)
    opened = [Connection(address) for _ in range(min(connections, requests))]
    begin = monotonic()
    stop_at = begin + seconds if seconds is not None else float("inf")

    async def drive(connection: Connection) -> int:
        count = 0
        async with connection:
            for index in indexes:
                started = monotonic()
                if started >= stop_at:
                    break
                count += await send(connection, index)
                latencies.add(started, monotonic() - started)
        return count

    counts = await run_together(drive(connection) for connection in opened)
    retries = sum(connection.retries for connection in opened)
    return LoadResult(begin, sum(counts), dict(statuses), retries, monotonic() - begin, latencies)
