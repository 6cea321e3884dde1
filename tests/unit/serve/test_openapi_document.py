"""The OpenAPI document tells what the application does, all of it and nothing else."""

from typing import Any

import httpx
import msgspec
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from serve.documentation.openapi import openapi_document
from serve.routes.table import route_table
from serve.wire.problems import KINDS
from tests.unit.serve.calls import hold, item, operate, pay, pay_batch

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    return msgspec.json.decode(msgspec.json.encode(openapi_document(route_table())), type=Document)


def validator(document: Document, schema: Document) -> Draft202012Validator:
    """Return a validator of a schema of the document."""
    whole = Resource.from_contents({**document, "$id": "urn:payments"}, default_specification=DRAFT202012)
    absolute = msgspec.json.decode(msgspec.json.encode(schema).replace(b'"#/', b'"urn:payments#/'))
    return Draft202012Validator(absolute, registry=Registry().with_resource("urn:payments", whole))


def test_the_document_is_valid_openapi(document: Document) -> None:
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_the_document_and_the_route_table_hold_the_same(document: Document) -> None:
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in route_table()}
    operations = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(operations)) == len(operations)


@pytest.mark.anyio
async def test_every_described_route_is_answered(api: httpx.AsyncClient, document: Document) -> None:
    for path, methods in document["paths"].items():
        for method in methods:
            is_endless = path.endswith("/stream")
            answer = await api.request("HEAD" if is_endless else method, path.replace("{id}", "nothing"))
            code = answer.json().get("code") if "json" in answer.headers["content-type"] else None
            assert code not in ("route_not_found", "method_not_allowed", "internal_error"), (method, path)


def test_every_code_is_described_and_no_other(document: Document) -> None:
    described = {
        code.strip("`")
        for methods in document["paths"].values()
        for operation in methods.values()
        for status, response in operation["responses"].items()
        if status[0] in "45"
        for code in response["description"].split()
    }
    everywhere = {
        "route_not_found", "method_not_allowed", "invalid_header", "target_too_long", "headers_too_large", "internal_error", "rate_limited",
    }  # fmt: skip
    assert described | everywhere == KINDS.keys()
    assert not described & everywhere


@pytest.mark.anyio
async def test_every_example_is_accepted(bare_api: httpx.AsyncClient, document: Document) -> None:
    for path in ("/v1/accounts", "/v1/payments", "/v1/payments/batch"):
        examples = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]
        for number, example in enumerate(examples.values()):
            answer = await bare_api.post(path, json=example["value"], headers={"Idempotency-Key": f"example-{number}"})
            assert answer.status_code in (200, 201), answer.text
            if path.endswith("batch"):
                assert {result["status"] for result in answer.json()["results"]} == {201}


@pytest.mark.anyio
async def test_answers_have_the_described_form(projected_api: httpx.AsyncClient, document: Document) -> None:
    api = projected_api
    made = await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1, "metadata": {"a": "b"}})
    identity = made.json()["id"]
    held, other = [(await hold(api, key, 9)).json()["id"] for key in ("h1", "h2")]
    answers = {
        ("post", "/v1/payments"): [
            made,
            await pay(api, "2", **{"from": "alice", "to": "nobody", "amount": 1}),
            await pay(api, "3", **{"from": "world", "to": "bob", "amount": "9007199254740993"}),
            await pay(api, "4", x=1),
        ],
        ("post", "/v1/payments/batch"): [await pay_batch(api, item("1"), item("2", amount=0), item("3", to="nobody"))],
        ("get", "/v1/payments/{id}"): [await api.get(f"/v1/payments/{identity}"), await api.get("/v1/payments/x")],
        ("post", "/v1/payments/{id}/capture"): [
            await operate(api, held, "capture", "c", amount=4, final=False),
            await operate(api, held, "capture", "c", amount=4, final=False),
            await operate(api, held, "capture", "d", amount=40),
            await operate(api, identity, "capture", "c"),
        ],
        ("post", "/v1/payments/{id}/void"): [await operate(api, other, "void", None), await operate(api, "x", "void", None)],
        ("post", "/v1/payments/{id}/refunds"): [await operate(api, held, "refunds", "r", amount=1)],
        ("post", "/v1/payments/{id}/reversal"): [await operate(api, held, "reversal", "x", reason="mistake")],
        ("post", "/v1/payments/batch/capture"): [
            await api.post("/v1/payments/batch/capture", json={"captures": [{"idempotency_key": "c", "payment_id": held}, {}]})
        ],
        ("get", "/v1/payments"): [await api.get("/v1/payments"), await api.get("/v1/payments?limit=0")],
        ("get", "/v1/accounts/{id}/statement"): [await api.get("/v1/accounts/alice/statement")],
        ("post", "/v1/accounts"): [await api.post("/v1/accounts", json={"currency": "EUR"})],
        ("get", "/v1/accounts/{id}"): [await api.get("/v1/accounts/bob"), await api.get("/v1/accounts/world")],
        ("get", "/v1/accounts/{id}/entries"): [await api.get("/v1/accounts/bob/entries")],
        ("post", "/v1/accounts/{id}/freeze"): [await api.post("/v1/accounts/bob/freeze")],
        ("get", "/v1/ledger/totals"): [await api.get("/v1/ledger/totals")],
        ("get", "/v1/shards"): [await api.get("/v1/shards")],
        ("get", "/healthz"): [await api.get("/healthz")],
        ("get", "/readyz"): [await api.get("/readyz")],
        ("get", "/startedz"): [await api.get("/startedz")],
    }
    for (method, path), replies in answers.items():
        responses = document["paths"][path][method]["responses"]
        for reply in replies:
            response = responses.get(str(reply.status_code)) or responses["default"]
            schema = response["content"][reply.headers["content-type"]]["schema"]
            validator(document, schema).validate(reply.json())
            assert {name.lower() for name in response["headers"]} - {"idempotency-replayed"} <= reply.headers.keys()


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({"from": "a", "to": "b", "amount": 1, "currency": "EUR"}, True),
        ({"from": "a", "to": "b", "amount": "1", "currency": "EUR"}, True),
        ({"legs": [{"from": "a", "to": "b", "amount": 1, "currency": "EUR"}]}, True),
        ({}, False),
        ({"from": "a", "to": "b", "amount": 1}, False),
        ({"from": "a", "to": "b", "amount": 1.5, "currency": "EUR"}, False),
        ({"from": "a", "to": "b", "amount": 0, "currency": "EUR"}, False),
        ({"from": "a", "to": "b", "amount": 1, "currency": "EUX"}, False),
        ({"legs": []}, False),
        ({"legs": [{"from": "a", "to": "b", "amount": 1, "currency": "EUR"}], "amount": 1}, False),
        ({"from": "a", "to": "b", "amount": 1, "currency": "EUR", "x": 1}, False),
        ({"from": "a", "to": "b", "amount": 1, "currency": "EUR", "mode": "hold", "expires_in_seconds": 60}, True),
        ({"from": "a", "to": "b", "amount": 1, "currency": "EUR", "mode": "hold", "expires_in_seconds": 0}, False),
        (
            {
                "from": "a",
                "to": "b",
                "amount": 1,
                "currency": "EUR",
                "balance_conditions": [{"account": "a", "posted": {"eq": 1}}],
            },
            True,
        ),
        ({"from": "a", "to": "b", "amount": 1, "currency": "EUR", "balance_conditions": [{"posted": {"eq": 1}}]}, False),
    ],
)
@pytest.mark.anyio
async def test_the_described_request_is_the_one_that_is_taken(
    api: httpx.AsyncClient, document: Document, body: Document, valid: bool
) -> None:
    schema = document["paths"]["/v1/payments"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert validator(document, schema).is_valid(body) is valid
    answer = await api.post("/v1/payments", json=body, headers={"Idempotency-Key": "1"})
    assert (answer.status_code != 400) is valid


@pytest.mark.anyio
async def test_the_document_is_served(bare_api: httpx.AsyncClient, document: Document) -> None:
    answer = await bare_api.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document
