"""Sending a request until its answer is final or its time is over."""

from collections.abc import Callable
from random import Random
from time import monotonic

import gevent

from loadtests.generator.connection import ConnectionLost, GeventConnection
from processor.client.address import Address
from processor.client.reply import RETRYABLE_STATUSES, Reply
from processor.client.retry import Retries, Unavailable

_UNDECIDED_PAUSE_SECONDS = 0.1


class Courier:
    """A connection that sends again what may be sent again, as processor.client.connection does for asyncio."""

    def __init__(self, address: Address, on_retry: Callable[[str], None]) -> None:
        """`on_retry` is told the reason, a status or `connection lost`, of each request that is sent again."""
        self._address = address
        self._connection = GeventConnection(address)
        self._on_retry = on_retry
        self._random = Random()

    def send(self, request: bytes, deadline: float) -> Reply | None:
        """Return the final answer, or None if there is none at the deadline (monotonic seconds): then the outcome is unknown."""
        retries: Retries | None = None
        while True:
            status = retry_after = None
            try:
                reply = self._connection.exchange(request, deadline)
                if reply.status not in RETRYABLE_STATUSES:
                    return reply
                status, retry_after = reply.status, reply.retry_after_seconds
                reason = str(status)
            except ConnectionLost:
                reason = "connection lost"
            retries = retries or Retries(self._address.url, deadline - monotonic(), self._random)
            try:
                pause = retries.next_pause(reason, retry_after, status)
            except Unavailable:
                return None
            self._on_retry(reason)
            gevent.sleep(pause)

    def pause(self, reason: str) -> None:
        """Wait a moment before something is sent again that was answered, but not decided."""
        self._on_retry(reason)
        gevent.sleep(_UNDECIDED_PAUSE_SECONDS)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()
