"""The connection to Redis: commands that come up during one round trip leave together in the next, and a Redis that does not answer is
left alone for a moment, so that nobody waits for it."""

import asyncio
from collections.abc import Awaitable
from time import monotonic
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

TIMEOUT_SECONDS = 0.25
"""A request waits for Redis no longer than this; then it goes on without."""

REST_SECONDS = 1.0
"""For this long nobody asks a Redis that did not answer."""

WAITING_COMMANDS_MAX = 50_000
COMMANDS_PER_TRIP_MAX = 10_000

Command = tuple[Any, ...]
Waiting = tuple[Command, asyncio.Future[Any]]


class CacheUnavailable(Exception):
    """Redis does not answer, or refuses the command: go on without it."""


class RedisLink:
    """One Redis for one event loop."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Connect when the first command comes. `url` as in the setting `redis_url`."""
        self._redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
            client_name="payments",
        )
        self._waiting: list[Waiting] = []
        self._trip: asyncio.Task[None] | None = None
        self._rests_until = 0.0
        self.failures = 0

    @property
    def is_up(self) -> bool:
        """Whether the last round trip succeeded, or enough time has passed to try another."""
        return monotonic() >= self._rests_until

    def call(self, *command: Any) -> Awaitable[Any]:
        """Return what the answer to a command can be waited for by. Waiting raises CacheUnavailable."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self.is_up or len(self._waiting) >= WAITING_COMMANDS_MAX:
            answer.set_exception(CacheUnavailable("Redis does not answer"))
            answer.exception()  # Whoever does not wait for it need not hear of it.
            return answer
        self._waiting.append((command, answer))
        if self._trip is None:
            self._trip = asyncio.get_running_loop().create_task(self._travel())
        return answer

    async def close(self) -> None:
        """Let the connections go."""
        if self._trip is not None:
            self._trip.cancel()
        _answer(self._waiting, [CacheUnavailable("the connection to Redis was closed")] * len(self._waiting))
        await self._redis.aclose()

    async def _travel(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:COMMANDS_PER_TRIP_MAX]
                del self._waiting[:COMMANDS_PER_TRIP_MAX]
                await self._send(batch)
        finally:
            self._trip = None

    async def _send(self, batch: list[Waiting]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for command, _ in batch:
            pipeline.execute_command(*command)
        answers: list[Any] = [CacheUnavailable("the connection to Redis was closed")] * len(batch)
        try:
            answers = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            self.failures += 1
            self._rests_until = monotonic() + REST_SECONDS
            answers = [error] * len(batch)
        finally:
            _answer(batch, answers)


def _answer(batch: list[Waiting], answers: list[Any]) -> None:
    for (_, future), answer in zip(batch, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer if isinstance(answer, CacheUnavailable) else CacheUnavailable(_reason(answer)))
            future.exception()  # Whoever does not wait any more need not hear of it.
        else:
            future.set_result(answer)


def _reason(error: Exception) -> str:
    kind = "refuses the command" if isinstance(error, ResponseError) else "does not answer"
    return f"Redis {kind}: {' '.join(str(error).split()) or type(error).__name__}"
