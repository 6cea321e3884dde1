"""What clients see when the ledger has no answer, and what a client's leaving does to what it has asked."""

import asyncio
import logging
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest

from processor.core.ids import Place
from processor.core.messages import Kind
from serve.app import create_app, send_answer
from serve.ledger import LedgerError, OutcomeUnknown, Overloaded, ShardUnavailable
from serve.reads import Entry, ReadsUnavailable, StatementFile
from serve.routed_ledger import RoutedLedger
from serve.statement_file import statement_chunks
from serve.wire.answer import CSV, Answer
from serve.wire.request import ClientDisconnected
from tests.unit.serve.calls import balance, check_problem, item, pay, pay_batch, problem
from tests.unit.serve.failing_ledger import FailingLedger

pytestmark = pytest.mark.anyio

ERRORS: list[tuple[LedgerError, int, str, str | None]] = [
    (Overloaded(0.2), 503, "overloaded", "1"),
    (Overloaded(1.5), 503, "overloaded", "2"),
    (ShardUnavailable(2, 1.0), 503, "shard_unavailable", "1"),
    (OutcomeUnknown(), 504, "outcome_unknown", None),
]


@pytest.fixture
def failing(ledger: RoutedLedger, api: httpx.AsyncClient) -> FailingLedger:
    """The ledger behind `api`, with errors at will."""
    return FailingLedger(ledger)


@pytest.fixture
def client(failing: FailingLedger) -> httpx.AsyncClient:
    """A client of the API over the failing ledger."""
    transport = httpx.ASGITransport(create_app(failing), raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize(("error", "status", "code", "retry_after"), ERRORS)
async def test_an_error_of_the_ledger_is_told_as_retryable(
    client: httpx.AsyncClient, failing: FailingLedger, error: LedgerError, status: int, code: str, retry_after: str | None
) -> None:
    failing.error = error
    for answer in (
        await pay(client, "1", **{"from": "alice", "to": "bob", "amount": 1}),
        await client.get("/v1/accounts/alice"),
        await client.get("/v1/shards"),
        await client.post("/v1/accounts", json={"currency": "EUR"}),
    ):
        assert problem(answer, status, code)["retryable"] is True
        assert answer.headers.get("retry-after") == retry_after
    failing.error = None
    assert (await pay(client, "1", **{"from": "alice", "to": "bob", "amount": 1})).status_code == 201


async def test_errors_in_a_batch_stay_with_their_items(client: httpx.AsyncClient, failing: FailingLedger) -> None:
    failing.errors = {0: Overloaded(1), 2: OutcomeUnknown()}
    results = (await pay_batch(client, item("1"), item("2"), {"bad": 1}, item("3"))).json()["results"]
    assert [result["status"] for result in results] == [503, 201, 400, 504]
    check_problem(results[0]["problem"], 503, "overloaded")
    check_problem(results[3]["problem"], 504, "outcome_unknown")


@pytest.mark.parametrize(
    ("errors", "status", "code"),
    [
        ({0: Overloaded(3), 1: ShardUnavailable(1, 1)}, 503, "overloaded"),
        ({0: Overloaded(3), 1: OutcomeUnknown()}, 504, "outcome_unknown"),
    ],
)
async def test_a_batch_of_which_nothing_was_taken_fails_as_a_whole(
    client: httpx.AsyncClient, failing: FailingLedger, errors: dict[int, LedgerError], status: int, code: str
) -> None:
    failing.errors = errors
    problem(await pay_batch(client, item("1"), {"bad": 1}, item("2")), status, code)


@pytest.mark.parametrize("kind", [RuntimeError, TimeoutError, ConnectionResetError, KeyError])
async def test_an_unexpected_error_is_logged_and_told_without_its_traceback(
    client: httpx.AsyncClient, failing: FailingLedger, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    failing.error = kind("secret")
    with caplog.at_level(logging.ERROR):
        answer = await pay(client, "1", **{"from": "alice", "to": "bob", "amount": 1})
    body = problem(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert body["request_id"] in caplog.text
    assert "Traceback" in caplog.text and "secret" in caplog.text


@pytest.mark.parametrize("path", ["/readyz", "/startedz"])
async def test_what_keeps_the_ledger_from_working_is_told(client: httpx.AsyncClient, failing: FailingLedger, path: str) -> None:
    failing.obstacles = ["shard 3 is not served: it is moving", "the journal cannot be reached"]
    answer = await client.get(path)
    body = problem(answer, 503, "not_ready")
    assert [error["detail"] for error in body["errors"]] == failing.obstacles
    assert answer.headers["retry-after"] == "1"


async def test_a_cancelled_request_does_not_cancel_its_payment(
    client: httpx.AsyncClient, api: httpx.AsyncClient, failing: FailingLedger
) -> None:
    failing.gate.clear()
    request = asyncio.create_task(pay(client, "1", **{"from": "alice", "to": "bob", "amount": 1}))
    await failing.asked.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    failing.gate.set()
    await failing.answered.wait()
    assert await balance(api, "bob") == 1


async def test_a_stopping_application_waits_for_what_was_submitted(failing: FailingLedger) -> None:
    app = create_app(failing)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000")
    failing.gate.clear()
    request = asyncio.create_task(pay(client, "1", **{"from": "alice", "to": "bob", "amount": 1}))
    await failing.asked.wait()
    assert await app.drain(0.001) == 1
    failing.gate.set()
    assert await app.drain(30) == 0
    assert (await request).status_code == 201


async def test_a_client_that_leaves_while_sending_is_not_answered(failing: FailingLedger) -> None:
    sent: list[MutableMapping[str, Any]] = []
    begun: dict[str, Any] = {"type": "http.request", "body": b"{", "more_body": True}
    messages = iter([begun, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"idempotency-key", b"1")]
    scope = {"type": "http", "method": "POST", "path": "/v1/payments", "query_string": b"", "headers": headers}
    await create_app(failing)(scope, receive, send)
    assert sent == []


async def test_a_client_that_leaves_before_its_answer_is_no_error(failing: FailingLedger) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        raise ConnectionResetError

    scope = {"type": "http", "method": "GET", "path": "/healthz", "query_string": b"", "headers": []}
    await create_app(failing)(scope, receive, send)


async def test_a_stream_that_cannot_go_on_is_left_without_its_end() -> None:
    async def pages() -> AsyncIterator[list[Entry]]:
        yield [Entry(Place(1, 0, 1, 0), Kind.PAYMENT, 5, 5, 1, 1)]
        raise ReadsUnavailable("the database has gone")

    chunks = statement_chunks(StatementFile(0, 5, pages()), 0, 2)
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    with pytest.raises(ClientDisconnected):
        await send_answer(send, Answer(200, await anext(chunks), (), CSV, chunks=chunks), "req", False)
    assert b"content-length" not in dict(sent[0]["headers"])
    assert len(sent) == 3 and all(part["more_body"] for part in sent[1:])


async def test_the_servers_start_and_stop_are_acknowledged(failing: FailingLedger) -> None:
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    await create_app(failing)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
