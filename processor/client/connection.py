"""One keep-alive connection to the API that connects again and retries by itself."""

import asyncio
import ssl
from random import Random
from types import TracebackType
from typing import Self

from processor.client.address import Address
from processor.client.post import Post
from processor.client.protocol import ConnectionLost, HttpProtocol
from processor.client.reply import RETRYABLE_STATUSES, Reply
from processor.client.retry import Retries


class Connection:
    """Sends one request after the other. Not for use by several tasks at once: open several connections instead.

    A lost connection, and the statuses 429, 502, 503 and 504, are retried for up to `retry_seconds`. That is safe because
    every request of this API may be repeated: payments carry their idempotency key, accounts their id. A reply with any
    other status is returned as it is.
    """

    def __init__(self, address: Address, timeout_seconds: float = 30.0, retry_seconds: float = 60.0) -> None:
        self.address = address
        self.retries = 0
        self._timeout_seconds = timeout_seconds
        self._retry_seconds = retry_seconds
        self._random = Random()
        self._protocol: HttpProtocol | None = None

    async def get(self, path: str) -> Reply:
        """Read `path` (with its query). Raises Unavailable."""
        return await self.send(self.address.head("GET", path) + b"\r\n")

    async def post(self, path: str, body: bytes, key: bytes | None = None) -> Reply:
        """Send a body to `path`. Raises Unavailable."""
        return await self.send(Post(self.address, path).fill(body, key))

    async def send(self, request: bytes) -> Reply:
        """Send prepared bytes until an answer is final. Raises Unavailable."""
        retries: Retries | None = None
        while True:
            status = retry_after = None
            try:
                reply = await self._exchange(request)
                if reply.status not in RETRYABLE_STATUSES:
                    return reply
                status, retry_after = reply.status, reply.retry_after_seconds
                reason = f"{status} {reply.problem()}"
            except (ConnectionLost, OSError) as error:
                reason = str(error) or type(error).__name__
            retries = retries or self.start_retries()
            pause = retries.next_pause(reason, retry_after, status)
            self.retries += 1
            await asyncio.sleep(pause)

    def start_retries(self) -> Retries:
        """Return the pauses for one request, beginning now."""
        return Retries(self.address.url, self._retry_seconds, self._random)

    def close(self) -> None:
        """End the connection. It opens again when something is sent."""
        if self._protocol is not None:
            self._protocol.close()
            self._protocol = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def _exchange(self, request: bytes) -> Reply:
        protocol = self._protocol
        if protocol is None or not protocol.is_open:
            protocol = self._protocol = await self._connect()
        try:
            return await protocol.exchange(request)
        except asyncio.CancelledError:
            # The answer may still come: nothing else may be sent on this connection.
            protocol.close()
            raise

    async def _connect(self) -> HttpProtocol:
        loop = asyncio.get_running_loop()
        context = ssl.create_default_context() if self.address.is_tls else None
        try:
            async with asyncio.timeout(min(self._timeout_seconds, 5.0)):
                _, protocol = await loop.create_connection(
                    lambda: HttpProtocol(loop, self._timeout_seconds), self.address.host, self.address.port, ssl=context
                )
        except TimeoutError:
            raise ConnectionLost("no connection within 5 s") from None
        return protocol
