"""Short ways to call the API, and what its problems must look like."""

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
from msgspec import json
from prometheus_client.parser import text_string_to_metric_families

from serve.app import Application
from serve.wire.problems import KINDS


async def pay(client: httpx.AsyncClient, key: str, **body: object) -> httpx.Response:
    """Send a payment in EUR unless the body says otherwise; spaces in the key become dashes."""
    content = body if "legs" in body else {"currency": "EUR", **body}
    return await client.post("/v1/payments", json=content, headers={"Idempotency-Key": key.replace(" ", "-")})


async def hold(client: httpx.AsyncClient, key: str, amount: int) -> httpx.Response:
    """Hold this much of alice's for bob."""
    return await pay(client, key, mode="hold", **{"from": "alice", "to": "bob", "amount": amount})


async def operate(client: httpx.AsyncClient, payment: str, verb: str, key: str | None, **body: object) -> httpx.Response:
    """Capture, void, refund or reverse a payment; without members the body is left out."""
    headers = {} if key is None else {"Idempotency-Key": key}
    url = f"/v1/payments/{payment}/{verb}"
    return await (client.post(url, json=body, headers=headers) if body else client.post(url, headers=headers))


async def pay_batch(client: httpx.AsyncClient, *payments: object, **headers: str) -> httpx.Response:
    """Send a batch."""
    return await client.post("/v1/payments/batch", json={"payments": payments}, headers=headers)


def item(key: str, **members: object) -> dict[str, object]:
    """Return a batch's item: one cent from alice to bob unless told otherwise."""
    return {"idempotency_key": key, "from": "alice", "to": "bob", "amount": 1, "currency": "EUR", **members}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the answer's problem after checking that it is the expected one, complete, and no traceback."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert answer.headers["content-type"] == "application/problem+json"
    check_problem(body, status, code)
    assert body["request_id"] == answer.headers["request-id"]
    return body


def check_problem(body: dict[str, Any], status: int, code: str) -> None:
    """Check a problem by itself, as a batch holds it."""
    assert (body["status"], body["code"]) == (status, code), body
    assert {"type", "title", "detail", "request_id"} <= body.keys()
    assert body["retryable"] is KINDS[code].retryable
    assert "Traceback" not in json.encode(body).decode()


def pointers(body: dict[str, Any]) -> list[str]:
    """Return what the problem's errors point to."""
    return [error["pointer"] for error in body["errors"]]


async def balance(client: httpx.AsyncClient, account: str) -> int:
    """Return an account's posted balance."""
    posted = (await client.get(f"/v1/accounts/{account}")).json()["posted"]
    assert isinstance(posted, int)
    return posted


async def raw_call(
    app: Application, method: str, path: str, chunks: AsyncIterator[bytes], headers: list[tuple[bytes, bytes]]
) -> tuple[int, bytes, int]:
    """Call the application as a server does; return the status, the body, and how many chunks it has taken."""
    taken = 0
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}
        taken += 1
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"], taken


async def samples(client: httpx.AsyncClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return what /metrics says now, by name and labels."""
    text = (await client.get("/metrics")).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
