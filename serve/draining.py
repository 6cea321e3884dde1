"""A server whose end loses no request, as long as another replica listens on its port.

A client may be sending its next request on an idle connection while that is being closed. So every answer from the beginning of the end
says `Connection: close`, and idle connections stay open until those who use them have heard it.
"""

import array
import asyncio
import fcntl
import socket
import termios
from collections.abc import Callable
from typing import Any

import uvicorn

from serve.listener import accept_all, drop_new_connections, is_shaking_hands

HANDSHAKE_SECONDS_MAX = 0.5
"""How long connections that are being made when the end begins may take to complete: a round trip to a far client."""

IDLE_SECONDS = 2.0
"""How long idle connections are kept open at the end."""

_HANDSHAKE_POLL_SECONDS = 0.002
_POLL_SECONDS = 0.05


class DrainingServer(uvicorn.Server):
    """uvicorn with such an end."""

    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None] = lambda: None) -> None:
        """`on_end` is called when the end begins: it ends what would go on for ever."""
        super().__init__(config)
        self._on_end = on_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take and answer what has come, let clients go elsewhere, and close. Called by uvicorn when it is to exit."""
        self._announce_end()
        self._on_end()
        for listener in sockets or []:
            await self._close(listener)
        loop = asyncio.get_running_loop()
        idle_until = loop.time() + IDLE_SECONDS
        while self.server_state.connections and loop.time() < idle_until:
            await asyncio.sleep(_POLL_SECONDS)
        while any(_is_idle(connection) and _has_unread(connection) for connection in self.server_state.connections):
            await asyncio.sleep(0)  # A request has come just now, and is about to be read.
        await super().shutdown(sockets)

    def _announce_end(self) -> None:
        """Let every answer from now on be its connection's last. The list is what requests to come take their headers from."""
        self.server_state.default_headers.append((b"connection", b"close"))
        for connection in self.server_state.connections:
            if not _is_idle(connection):
                connection.shutdown()

    async def _close(self, listener: socket.socket) -> None:
        """Close it once nothing is on its way to it. Who tries to connect meanwhile waits for a second: so it must not take long."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + HANDSHAKE_SECONDS_MAX
        drop_new_connections(listener)
        while is_shaking_hands(listener) and loop.time() < deadline:
            await asyncio.sleep(_HANDSHAKE_POLL_SECONDS)
        queued = accept_all(listener)
        for server in self.servers:
            server.close()
        listener.close()
        for connection in queued:
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _is_idle(connection: Any) -> bool:
    """Return whether no request is being answered on one of uvicorn's connections."""
    return connection.cycle is None or connection.cycle.response_complete


def _has_unread(connection: Any) -> bool:
    """Return whether the kernel holds bytes of the client that the event loop has not read yet."""
    waiting = array.array("i", [0])
    opened = connection.transport.get_extra_info("socket")
    fcntl.ioctl(opened.fileno(), termios.FIONREAD, waiting)
    return waiting[0] > 0
