"""One keep-alive connection on a gevent socket.

locust's FastHttpUser takes 118 microseconds of CPU time for a request and geventhttpclient alone 61, measured beside the 15 of
this one: on cores that are shared with the instance under load that would be most of what is measured.
"""

from time import monotonic

import gevent.socket
import gevent.ssl
import httptools

from processor.client.address import Address
from processor.client.reply import Reply

_CONNECT_SECONDS_MAX = 5.0
_READ_BYTES = 65_536
_ANSWER_BYTES_MAX = 64 * 2**20


class ConnectionLost(Exception):
    """The connection ended, stalled or talked nonsense before the answer was complete: the request's outcome is unknown."""


class GeventConnection:
    """Sends whole requests, one after the other, and returns whole answers. It connects when it must."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket: gevent.socket.socket | None = None

    def exchange(self, request: bytes, deadline: float) -> Reply:
        """Send one request and return the answer to it. Raises ConnectionLost, also at the deadline (monotonic seconds)."""
        parser = _Answer()
        try:
            if self._socket is None:
                self._socket = self._connect(deadline)
            self._socket.settimeout(_left(deadline))
            self._socket.sendall(request)
            while parser.reply is None:
                self._socket.settimeout(_left(deadline))
                parser.feed(self._socket.recv(_READ_BYTES))
        except BaseException as error:
            # The answer may still come: nothing else may be sent on this connection.
            self.close()
            if isinstance(error, OSError):
                raise ConnectionLost(str(error) or type(error).__name__) from None
            raise
        if not parser.keeps_alive:
            self.close()
        return parser.reply

    def close(self) -> None:
        """End the connection. It opens again when something is sent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self, deadline: float) -> gevent.socket.socket:
        address = self._address
        timeout = min(_left(deadline), _CONNECT_SECONDS_MAX)
        opened = gevent.socket.create_connection((address.host, address.port), timeout)
        opened.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        if address.is_tls:
            opened = gevent.ssl.create_default_context().wrap_socket(opened, server_hostname=address.host)
        return opened


class _Answer:
    """Collects one answer."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        self.keeps_alive = True
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._bytes = 0

    def feed(self, data: bytes) -> None:
        """Take what was read. Raises ConnectionLost if no answer can come of it."""
        if not data:
            raise ConnectionLost("the other side closed the connection")
        self._bytes += len(data)
        if self._bytes > _ANSWER_BYTES_MAX:
            raise ConnectionLost(f"the answer is longer than {_ANSWER_BYTES_MAX} bytes")
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise ConnectionLost(f"the answer is not HTTP: {error}") from None

    # httptools calls these.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        self.keeps_alive = self._parser.should_keep_alive()
        self.reply = Reply(self._parser.get_status_code(), self._headers, b"".join(self._chunks))


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left
