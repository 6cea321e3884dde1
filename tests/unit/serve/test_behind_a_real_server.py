"""The application behind uvicorn and a socket, as in production."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn

from serve.app import create_app
from serve.limits import BODY_BYTES_MAX
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import problem

pytestmark = pytest.mark.anyio


@pytest.fixture
async def address(ledger: RoutedLedger) -> AsyncIterator[tuple[str, int]]:
    """Where the application listens."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(ledger)
    config = uvicorn.Config(app, http="httptools", loop="none", lifespan="off", access_log=False, log_level="warning")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()
    server.should_exit = True
    await serving


@pytest.fixture
async def client(address: tuple[str, int]) -> AsyncIterator[httpx.AsyncClient]:
    """A client with one kept connection."""
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}", limits=limits, timeout=60) as client:
        yield client


async def test_a_body_of_10_mb_gets_its_413_and_the_connection_goes_on(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        answer = await client.post("/v1/payments", content=b"x" * 10_000_000, headers={"Idempotency-Key": "1"})
        problem(answer, 413, "body_too_large")
        assert (await client.get("/healthz")).status_code == 200


async def test_an_unannounced_body_that_is_too_large_gets_its_413(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 65_536 + 16):
            yield b" " * 65_536

    problem(await client.post("/v1/payments", content=pieces(), headers={"Idempotency-Key": "1"}), 413, "body_too_large")


async def test_a_body_that_is_announced_but_not_wanted_is_not_waited_for(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    headers = ["Host: x", "Idempotency-Key: 1", "Expect: 100-continue", f"Content-Length: {BODY_BYTES_MAX + 1}"]
    writer.write("\r\n".join(["POST /v1/payments HTTP/1.1", *headers, "", ""]).encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_payments_work_over_the_socket(client: httpx.AsyncClient) -> None:
    for body in ({"id": "world", "currency": "EUR", "min_balance": None}, {"id": "a", "currency": "EUR"}):
        assert (await client.post("/v1/accounts", json=body)).status_code == 201
    payment = {"from": "world", "to": "a", "amount": 1, "currency": "EUR"}
    answers = [await client.post("/v1/payments", json=payment, headers={"Idempotency-Key": "1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    head = await client.head("/v1/accounts/a")
    assert (head.status_code, head.content) == (200, b"")
    options = await client.options("/v1/payments")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert (await client.get("/healthz")).json() == {"status": "ok"}
