"""One connection against a server that misbehaves on purpose."""

import asyncio

import pytest

from processor.client import protocol
from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.reply import Reply
from processor.client.retry import Unavailable
from tests.scripted_server import HANG, ScriptedServer, answer

KEY = b"key-1"
BODY = b'{"amount":1}'


async def _post(address: Address, times: int = 1, **limits: float) -> tuple[list[Reply], int]:
    async with Connection(address, **limits) as connection:
        replies = [await connection.post("/v1/payments", BODY, KEY) for _ in range(times)]
        return replies, connection.retries


def test_requests_share_one_connection() -> None:
    async def scenario() -> None:
        async with ScriptedServer([answer(b"1"), answer(b"2")]) as server:
            replies, retries = await _post(server.address, times=2)
            assert [reply.body for reply in replies] == [b"1", b"2"]
            assert len(server.requests) == 1
            assert retries == 0

    asyncio.run(scenario())


def test_a_request_carries_host_key_length_and_body() -> None:
    async def scenario() -> None:
        async with ScriptedServer([answer()]) as server:
            await _post(server.address)
            assert server.requests[0][0] == (
                b"POST /v1/payments HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nIdempotency-Key: key-1\r\n"
                b"Content-Type: application/json\r\nContent-Length: 12\r\n\r\n%b" % (server.address.port, BODY)
            )

    asyncio.run(scenario())


DONE = answer(b"done")


@pytest.mark.parametrize(
    "script",
    [
        [[], [DONE]],
        [[b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf"], [DONE]],
        [[b"this is not HTTP\r\n\r\n"], [DONE]],
        [[answer(b"{}", "503 Service Unavailable", "Retry-After: 0"), DONE]],
        [[answer(b"{}", "504 Gateway Timeout"), DONE]],
        [[answer(b"{}", "502 Bad Gateway"), DONE]],
        [[answer(b"{}", "429 Too Many Requests", "Retry-After: 0"), DONE]],
    ],
    ids=["closed", "half an answer", "not HTTP", "503", "504", "502", "429"],
)
def test_the_same_bytes_are_sent_again(script: list[list[bytes]]) -> None:
    async def scenario() -> None:
        async with ScriptedServer(*script) as server:
            replies, retries = await _post(server.address)
            received = [request for requests in server.requests for request in requests]
            assert replies[0].body == b"done"
            assert retries == 1
            assert set(received) == {received[0]}

    asyncio.run(scenario())


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "409 Conflict", "422 Unprocessable", "500 Oops"])
def test_a_final_status_is_returned_at_once(status: str) -> None:
    async def scenario() -> None:
        async with ScriptedServer([answer(b"{}", status)]) as server:
            replies, retries = await _post(server.address)
            assert replies[0].status == int(status[:3])
            assert retries == 0

    asyncio.run(scenario())


def test_a_server_that_does_not_answer_is_asked_again_on_a_new_connection() -> None:
    async def scenario() -> None:
        # More answers than it should take: a busy machine may let a good one come too late.
        async with ScriptedServer([HANG], *[[DONE]] * 50) as server:
            replies, retries = await _post(server.address, timeout_seconds=0.2)
            assert replies[0].body == b"done"
            assert len(server.requests) >= 2
            assert retries >= 1

    asyncio.run(scenario())


def test_after_the_time_allowed_one_line_says_what_was_wrong() -> None:
    async def scenario() -> None:
        async with ScriptedServer() as server:
            with pytest.raises(Unavailable, match=r"does not answer \(.*connection.*\); tried for 0.1 s") as failure:
                await _post(server.address, retry_seconds=0.1)
            assert failure.value.status is None
            assert len(server.requests) > 1
        with pytest.raises(Unavailable, match="does not answer") as failure:
            await _post(server.address, retry_seconds=0.0)
        assert "\n" not in str(failure.value)

    asyncio.run(scenario())


def test_the_last_status_is_known_when_giving_up() -> None:
    async def scenario() -> None:
        busy = answer(b'{"code":"overloaded","detail":"full"}', "503 Busy", "Retry-After: 1")
        async with ScriptedServer([busy]) as server:
            with pytest.raises(Unavailable, match="503 overloaded: full") as failure:
                await _post(server.address, retry_seconds=0.0)
            assert failure.value.status == 503

    asyncio.run(scenario())


def test_chunks_and_pieces_make_one_body() -> None:
    async def scenario() -> None:
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        async with ScriptedServer([chunked, answer(b"x" * 1_000_000)]) as server:
            replies, _ = await _post(server.address, times=2)
            assert [replies[0].body, len(replies[1].body)] == [b"abcde", 1_000_000]

    asyncio.run(scenario())


def test_headers_are_read_in_any_case() -> None:
    async def scenario() -> None:
        async with ScriptedServer([answer(b"{}", "201 Created", "IDEMPOTENCY-REPLAYED: true", "retry-after: 7")]) as server:
            replies, _ = await _post(server.address)
            assert replies[0].is_replayed
            assert replies[0].retry_after_seconds == 7

    asyncio.run(scenario())


def test_a_connection_that_the_server_ends_politely_is_replaced_without_a_retry() -> None:
    async def scenario() -> None:
        async with ScriptedServer([answer(b"1", "200 OK", "Connection: close")], [answer(b"2")]) as server:
            replies, retries = await _post(server.address, times=2)
            assert [reply.body for reply in replies] == [b"1", b"2"]
            assert retries == 0

    asyncio.run(scenario())


def test_an_answer_above_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAXIMUM_ANSWER_BYTES", 1000)

    async def scenario() -> None:
        async with ScriptedServer([answer(b"x" * 1000), answer(b"x" * 1001)]) as server:
            await _post(server.address)
        async with ScriptedServer([answer(b"x" * 1001)]) as server:
            with pytest.raises(Unavailable, match="longer than 1000 bytes"):
                await _post(server.address, retry_seconds=0.0)

    asyncio.run(scenario())


def test_a_cancelled_request_leaves_no_answer_for_the_next_one() -> None:
    async def scenario() -> None:
        async with ScriptedServer([HANG], [answer(b"second")]) as server, Connection(server.address) as connection:
            task = asyncio.create_task(connection.get("/first"))
            await server.was_asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await connection.get("/second")).body == b"second"

    asyncio.run(scenario())
