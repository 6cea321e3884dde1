"""A TCP server that plays a script of answers, connection by connection."""

import asyncio
from collections.abc import Sequence
from typing import Self

from processor.client.address import Address

HANG = b""


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """Return the bytes of an answer."""
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


class ScriptedServer:
    """Each connection gets its list of answers, one per request, and is closed after them (`HANG`: no answer, left open).

    Connections beyond the script are closed at once. `requests` holds what was received, per connection.
    """

    def __init__(self, *script: Sequence[bytes]) -> None:
        self.requests: list[list[bytes]] = []
        self.was_asked = asyncio.Event()
        self._script = list(script)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.address = Address("127.0.0.1", self._server.sockets[0].getsockname()[1], "", False)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received: list[bytes] = []
        self.requests.append(received)
        try:
            for data in self._script.pop(0) if self._script else ():
                received.append(await _request(reader))
                self.was_asked.set()
                if data == HANG:
                    await reader.read()  # until the client closes
                writer.write(data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client went away, which some tests want.
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    _, found, rest = head.partition(b"Content-Length: ")
    return head + (await reader.readexactly(int(rest.split(b"\r\n")[0])) if found else b"")
