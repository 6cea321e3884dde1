"""The end of a server: what has come is answered, and clients are told before their connection is closed."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn

from serve import draining
from serve.app import create_app
from serve.draining import DrainingServer
from serve.listener import open_listener
from serve.routed_ledger import RoutedLedger
from serve.wire.gathering import GatheringProtocol
from tests.unit.actors.rounds import until

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
CONNECTIONS = 20

pytestmark = pytest.mark.anyio


class Running:
    """A server, and its end when that has begun."""

    def __init__(self, ledger: RoutedLedger) -> None:
        config = uvicorn.Config(
            create_app(ledger), http=GatheringProtocol, ws="none", loop="none", lifespan="off", log_level="warning"
        )
        self.server = DrainingServer(config)
        self.server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        self.listener = open_listener("127.0.0.1", 0)
        self.serving = asyncio.create_task(self.server.serve(sockets=[self.listener]))

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.listener.getsockname()
        return host, port


@pytest.fixture
async def running(ledger: RoutedLedger) -> AsyncIterator[Running]:
    """A server that has started."""
    started = Running(ledger)
    await until(lambda: started.server.started)
    yield started
    started.server.should_exit = True
    if started.listener.fileno() == -1:
        started.serving.cancel()  # The test has ended it.
    await asyncio.gather(started.serving, return_exceptions=True)


async def answer(reader: asyncio.StreamReader) -> bytes:
    """Return one answer, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    return head + await reader.readexactly(int(length))


async def test_requests_on_connections_that_nobody_has_accepted_are_answered(running: Running) -> None:
    # The kernel makes connections by itself: no round of the event loop has passed when the end begins.
    waiting = [socket.create_connection(running.address) for _ in range(CONNECTIONS)]
    for connection in waiting:
        connection.sendall(REQUEST)
    ending = asyncio.create_task(running.server.shutdown([running.listener]))
    for connection in waiting:
        reader, writer = await asyncio.open_connection(sock=connection)
        found = await answer(reader)
        assert found.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in found
        assert await reader.read() == b""
        writer.close()
    await ending


async def test_an_idle_connection_hears_that_its_next_answer_is_the_last(running: Running) -> None:
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write(REQUEST)
    assert b"connection: close" not in await answer(reader)
    running.server.should_exit = True
    await until_closed(running.listener)
    writer.write(REQUEST)
    assert b"connection: close" in await answer(reader)
    assert await reader.read() == b""
    writer.close()
    await running.serving


async def test_a_connection_that_stays_idle_is_closed_in_the_end(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "IDLE_SECONDS", 0.0)
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write(REQUEST)
    await answer(reader)
    running.server.should_exit = True
    assert await reader.read() == b""
    writer.close()
    await running.serving


async def until_closed(listener: socket.socket) -> None:
    """Return when the server has closed its listener."""
    while listener.fileno() != -1:
        await asyncio.sleep(0.01)
