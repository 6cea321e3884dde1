"""The demo's holds: money reserved, captured, voided and refunded, and every request sent a second time."""

from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic

from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.latencies import Latencies
from processor.client.load import LoadResult
from processor.client.outcome import outcome_of
from processor.client.post import Post
from processor.client.reply import Reply
from processor.client.together import run_together
from processor.demo.books import Books, Fate, fate_of
from processor.demo.plan import Hold

CONNECTIONS = 64


class Holds:
    """Sends holds and what comes of them, and keeps their books. Its methods raise Unavailable and UnexpectedAnswer."""

    def __init__(self, address: Address, holds: Sequence[Hold], books: Books) -> None:
        self._address = address
        self._holds = holds
        self._books = books
        self._answers: list[tuple[bytes, Reply]] = []

    async def send(self, progress: Callable[[int], None]) -> LoadResult:
        """See every hold through; `progress` is called with how many are done. A latency is that of one request."""
        latencies, statuses = Latencies(), Counter[int]()
        waiting = iter(self._holds)
        connections = [Connection(self._address) for _ in range(min(CONNECTIONS, len(self._holds)))]
        started = monotonic()
        done = 0

        async def see_through(connection: Connection) -> None:
            nonlocal done
            async with connection:
                for hold in waiting:
                    statuses[await self._see_through(connection, hold, latencies)] += 1
                    done += 1
                    progress(done)

        await run_together(see_through(connection) for connection in connections)
        retries = sum(connection.retries for connection in connections)
        return LoadResult(started, done, dict(statuses), retries, monotonic() - started, latencies)

    async def send_again(self) -> None:
        """Send every request once more: each must get the very answer that it got before."""
        again = iter(self._answers)

        async def repeat() -> None:
            async with Connection(self._address) as connection:
                for request, first in again:
                    reply = await connection.send(request)
                    if (reply.status, reply.body, reply.is_replayed) != (first.status, first.body, True):
                        self._books.differences.append(f"sent again, {_path_of(request)} was answered otherwise: {reply.status}")

        await run_together(repeat() for _ in range(min(CONNECTIONS, len(self._answers))))

    async def _see_through(self, connection: Connection, hold: Hold, latencies: Latencies) -> int:
        """Return the status of the hold's own request."""
        key = hold.payment.key
        reply = await self._request(connection, "/v1/payments", key, hold.body(), latencies)
        fate = fate_of(outcome_of(reply))
        if self._books.settle_hold(hold.payment, fate):
            for number, step in enumerate(hold.steps):
                path = f"/v1/payments/{fate.payment_id}/{step.verb}"
                told = await self._request(connection, path, f"{key}-{number}", step.body(), latencies)
                code = "" if told.status in (200, 201) else told.problem().code
                self._books.settle_step(hold.payment, step, Fate(told.status, code, fate.payment_id))
        return reply.status

    async def _request(self, connection: Connection, path: str, key: str, body: bytes, latencies: Latencies) -> Reply:
        request = Post(self._address, path).fill(body, key.encode())
        started = monotonic()
        reply = await connection.send(request)
        latencies.add(started, monotonic() - started)
        self._answers.append((request, reply))
        return reply


def _path_of(request: bytes) -> str:
    return request.split(b" ", 2)[1].decode()
