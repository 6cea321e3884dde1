"""A client of the stream of events, and a real server for it."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import uvicorn

from serve.app import Application, create_app
from serve.draining import DrainingServer
from serve.listener import open_listener
from serve.routed_ledger import RoutedLedger
from serve.wire.gathering import GatheringProtocol
from tests.unit.actors.rounds import until


class Told(NamedTuple):
    """One event of a stream."""

    cursor: str
    kind: str
    event: dict[str, Any]


class Running:
    """An API on a port of its own."""

    def __init__(self, ledger: RoutedLedger) -> None:
        self.app: Application = create_app(ledger)
        config = uvicorn.Config(
            self.app, http=GatheringProtocol, ws="none", loop="none", lifespan="off", access_log=False, log_level="warning"
        )
        self.server = DrainingServer(config, self.app.end_streams)
        self.server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        self.listener = open_listener("127.0.0.1", 0)
        self.port: int = self.listener.getsockname()[1]
        self.serving = asyncio.create_task(self.server.serve(sockets=[self.listener]))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def running_api(ledger: RoutedLedger) -> AsyncIterator[Running]:
    """Give an API that has started, and end it."""
    running = Running(ledger)
    await until(lambda: running.server.started)
    yield running
    running.server.should_exit = True
    await running.serving


class StreamReader:
    """Reads a stream: its events one by one, and the cursor behind what was read."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.cursor = ""
        self.comments = 0

    async def next(self) -> Told:
        """Return the next event. Raises StopAsyncIteration at the stream's end."""
        kind = data = ""
        while True:
            line = await anext(self._lines)
            if line.startswith(":"):
                self.comments += 1
            name, _, value = line.partition(": ")
            if name == "id":
                self.cursor = value
            elif name == "event":
                kind = value
            elif name == "data":
                data = value
            elif not line and data:
                return Told(self.cursor, kind, json.loads(data))

    async def take(self, count: int) -> list[str]:
        """Return the ids of so many events."""
        return [(await self.next()).event["id"] for _ in range(count)]


@asynccontextmanager
async def following(url: str, last: str | None = None, **parameters: str) -> AsyncIterator[StreamReader]:
    """Give a stream's reader; `last` is sent as Last-Event-ID."""
    headers = {} if last is None else {"Last-Event-ID": last}
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{url}/v1/events/stream", params=parameters, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"] == "text/event-stream"
        yield StreamReader(answer.aiter_lines())


def slow_connection(port: int) -> socket.socket:
    """Return a connection that takes little before it is read from."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.setblocking(False)
    return connection
