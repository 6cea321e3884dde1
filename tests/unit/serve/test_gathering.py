"""An answer's head and body leave in one write, and nothing is lost at the end of a connection."""

import asyncio

import httpx
import pytest
import uvicorn

from processor.local.ports import free_port
from serve.wire.gathering import GatheringProtocol, GatheringTransport

pytestmark = pytest.mark.anyio


class RecordingTransport(asyncio.Transport):
    """Notes what is written to it, and when it is closed."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.written.append(b"<closed>")


async def test_what_is_written_in_one_round_leaves_together() -> None:
    below = RecordingTransport()
    transport = GatheringTransport(below, asyncio.get_running_loop())
    transport.write(b"head ")
    transport.write(b"body")
    assert below.written == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert below.written == [b"head body", b"next"]


async def test_closing_writes_what_was_held_first() -> None:
    below = RecordingTransport()
    transport = GatheringTransport(below, asyncio.get_running_loop())
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)
    assert below.written == [b"last words", b"<closed>"]


async def test_everything_else_is_the_transports_own() -> None:
    transport = GatheringTransport(RecordingTransport(), asyncio.get_running_loop())
    assert transport.get_extra_info("peername") == ("127.0.0.1", 1)


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_a_server_answers_over_it(connection: str) -> None:
    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"200000")]})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"x" * 200_000})  # type: ignore[operator]

    port = free_port()
    config = uvicorn.Config(app, port=port, http=GatheringProtocol, lifespan="off", log_level="warning")  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(headers={"Connection": connection}) as client:
        for _ in range(3):
            assert len((await client.get(f"http://127.0.0.1:{port}/")).content) == 200_000
    server.should_exit = True
    await serving
