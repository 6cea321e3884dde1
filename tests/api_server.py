"""The API over a ledger, behind uvicorn and a socket, in the event loop of a test."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn

from serve.app import Application


@contextlib.asynccontextmanager
async def listening(app: Application, port: int = 0) -> AsyncIterator[str]:
    """Let the application listen, and give its URL."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, http="httptools", loop="none", lifespan="off", access_log=False, log_level="warning")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
