"""The byte level of one HTTP/1.1 connection: one request at a time goes out whole, its answer comes back whole."""

import asyncio
from time import monotonic
from typing import cast

import httptools

from processor.client.reply import Reply

MAXIMUM_ANSWER_BYTES = 64 * 2**20


class ConnectionLost(Exception):
    """The connection ended, stalled or talked nonsense before the answer was complete: the request's outcome is unknown."""


class HttpProtocol(asyncio.Protocol):
    """Sends prepared requests and collects the answers. `is_open` is False once nothing more can be sent."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout_seconds: float) -> None:
        self.is_open = False
        self._loop = loop
        self._timeout_seconds = timeout_seconds
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._bytes = 0

    def exchange(self, request: bytes) -> asyncio.Future[Reply]:
        """Send the bytes of one request and return the future of its answer, which fails with ConnectionLost."""
        if not self.is_open or self._transport is None:
            raise ConnectionLost("the connection is closed")
        if self._waiter is not None:
            raise RuntimeError("one request at a time: the answer to the one before has not come yet")
        self._waiter = waiter = self._loop.create_future()
        self._deadline = monotonic() + self._timeout_seconds
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout_seconds, self._check_deadline)
        self._transport.write(request)
        return waiter

    def close(self, reason: str = "the connection was closed") -> None:
        """End the connection at once; a request under way fails with ConnectionLost."""
        self.is_open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(ConnectionLost(reason))

    def _check_deadline(self) -> None:
        # One timer for many requests: arming one for each would cost more than the rest of the exchange.
        self._timer = None
        if self._waiter is None:
            return
        left_seconds = self._deadline - monotonic()
        if left_seconds > 0:
            self._timer = self._loop.call_later(left_seconds, self._check_deadline)
        else:
            self.close(f"no answer within {self._timeout_seconds:g} s")

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not its subclasses
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.close(f"the answer is not HTTP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self.close(f"the connection was lost: {error}" if error else "the other side closed the connection")

    # httptools calls these.

    def on_message_begin(self) -> None:
        self._headers = {}
        self._chunks = []
        self._bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._bytes += len(body)
        if self._bytes > MAXIMUM_ANSWER_BYTES:
            self.close(f"the answer is longer than {MAXIMUM_ANSWER_BYTES} bytes")
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._waiter is None or status < 200:
            self.close("an answer came that nobody asked for")
            return
        waiter, self._waiter = self._waiter, None
        chunks = self._chunks
        if not waiter.done():
            waiter.set_result(Reply(status, self._headers, chunks[0] if len(chunks) == 1 else b"".join(chunks)))
        if not self._parser.should_keep_alive():
            self.close()
