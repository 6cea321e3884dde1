"""Accounts over HTTP."""

import httpx
import pytest

from tests.unit.serve.calls import pay, pointers, problem

pytestmark = pytest.mark.anyio


async def test_an_account_is_opened_and_read_back(bare_api: httpx.AsyncClient) -> None:
    body = {"id": "acc:1.x_y-Z", "currency": "EUR", "metadata": {"b": "2", "a": "1"}}
    opened = await bare_api.post("/v1/accounts", json=body)
    assert opened.status_code == 201
    assert opened.headers["location"] == "/v1/accounts/acc:1.x_y-Z"
    account = opened.json()
    assert account.pop("created_at").endswith("Z")
    as_of = account.pop("as_of")
    assert as_of["sequence"] >= 1 and 0 <= as_of["shard"] < 4
    assert account == {
        "id": "acc:1.x_y-Z", "currency": "EUR", "status": "open", "posted": 0, "pending_in": 0, "pending_out": 0, "available": 0,
        "min_balance": 0, "max_balance": None, "version": 1, "metadata": {"a": "1", "b": "2"},
    }  # fmt: skip
    read = await bare_api.get("/v1/accounts/acc:1.x_y-Z")
    assert read.status_code == 200
    assert read.json()["created_at"] == opened.json()["created_at"]


async def test_an_account_without_an_id_gets_one(bare_api: httpx.AsyncClient) -> None:
    ids = [(await bare_api.post("/v1/accounts", json={"currency": "JPY"})).json()["id"] for _ in range(20)]
    assert len(set(ids)) == 20
    assert all(len(name) == 30 and name.startswith("acc_") and name[4:].isalnum() for name in ids)


async def test_opening_the_same_account_again_answers_200_and_another_one_409(bare_api: httpx.AsyncClient) -> None:
    body = {"id": "a", "currency": "EUR", "min_balance": -5, "metadata": {"x": "1", "y": "2"}}
    first = await bare_api.post("/v1/accounts", json=body)
    again = await bare_api.post("/v1/accounts", json={**body, "min_balance": "-5", "metadata": {"y": "2", "x": "1"}})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["created_at"] == first.json()["created_at"]
    for other in ({"currency": "USD"}, {"min_balance": 0}, {"max_balance": 9}, {"metadata": {"x": "1"}}):
        problem(await bare_api.post("/v1/accounts", json={**body, **other}), 409, "account_exists")


@pytest.mark.parametrize(
    ("members", "code", "pointer"),
    [
        ({}, "invalid_body", "/currency"),
        ({"currency": "EURO"}, "unknown_currency", "/currency"),
        ({"currency": "eur"}, "unknown_currency", "/currency"),
        ({"currency": "XXX"}, "unknown_currency", "/currency"),
        ({"currency": 978}, "invalid_body", "/currency"),
        ({"currency": "EUR", "id": ""}, "invalid_body", "/id"),
        ({"currency": "EUR", "id": "a" * 65}, "invalid_body", "/id"),
        ({"currency": "EUR", "id": "a/b"}, "invalid_body", "/id"),
        ({"currency": "EUR", "id": "a\n"}, "invalid_body", "/id"),
        ({"currency": "EUR", "id": "ä"}, "invalid_body", "/id"),
        ({"currency": "EUR", "min_balance": 1.5}, "invalid_amount", "/min_balance"),
        ({"currency": "EUR", "min_balance": "-0"}, "invalid_amount", "/min_balance"),
        ({"currency": "EUR", "min_balance": "9223372036854775808"}, "invalid_amount", "/min_balance"),
        ({"currency": "EUR", "min_balance": 10, "max_balance": 9}, "invalid_amount", "/max_balance"),
        ({"currency": "EUR", "metadata": {"": "x"}}, "invalid_body", "/metadata"),
        ({"currency": "EUR", "metadata": {"k" * 65: "x"}}, "invalid_body", "/metadata"),
        ({"currency": "EUR", "metadata": {"k": "x" * 501}}, "invalid_body", "/metadata"),
        ({"currency": "EUR", "metadata": {"k": 1}}, "invalid_body", "/metadata"),
        ({"currency": "EUR", "metadata": {str(n): "" for n in range(51)}}, "invalid_body", "/metadata"),
        ({"currency": "EUR", "balance": 5}, "invalid_body", "/balance"),
    ],
)
async def test_a_malformed_account_is_refused_with_a_pointer(
    bare_api: httpx.AsyncClient, members: dict[str, object], code: str, pointer: str
) -> None:
    body = problem(await bare_api.post("/v1/accounts", json=members), 400, code)
    assert pointers(body) == [pointer]


async def test_limits_are_allowed_to_be_reached(bare_api: httpx.AsyncClient) -> None:
    metadata = {f"{n:064}": "é" * 500 for n in range(50)}
    bounds = {"min_balance": "-9223372036854775807", "max_balance": 2**53 - 1}
    body = {"id": "z" * 64, "currency": "KWD", "metadata": metadata, **bounds}
    account = (await bare_api.post("/v1/accounts", json=body)).json()
    assert account["min_balance"] == "-9223372036854775807"
    assert account["max_balance"] == 2**53 - 1
    assert account["metadata"] == metadata


async def test_what_does_not_exist_or_cannot_be_an_id_is_404(api: httpx.AsyncClient) -> None:
    for account in ("nobody", "a b", "a%0a", "ä", "a" * 65):
        problem(await api.get(f"/v1/accounts/{account}"), 404, "account_not_found")
        problem(await api.get(f"/v1/accounts/{account}/entries"), 404, "account_not_found")
        problem(await api.post(f"/v1/accounts/{account}/freeze"), 404, "account_not_found")


async def test_a_frozen_account_refuses_payments_until_it_is_unfrozen(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/accounts/alice/freeze", json={})).json()["status"] == "frozen"
    assert (await api.post("/v1/accounts/alice/freeze")).json()["status"] == "frozen"
    refused = problem(await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1}), 422, "account_frozen")
    assert "alice" in refused["detail"]
    assert (await api.post("/v1/accounts/alice/unfreeze")).json()["status"] == "open"
    assert (await pay(api, "2", **{"from": "alice", "to": "bob", "amount": 1})).status_code == 201


async def test_only_an_empty_account_is_closed_and_then_for_good(api: httpx.AsyncClient) -> None:
    problem(await api.post("/v1/accounts/alice/close"), 409, "account_not_empty")
    assert (await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1000})).status_code == 201
    assert (await api.post("/v1/accounts/alice/close")).json()["status"] == "closed"
    problem(await api.post("/v1/accounts/alice/unfreeze"), 422, "account_closed")
    problem(await pay(api, "2", **{"from": "bob", "to": "alice", "amount": 1}), 422, "account_closed")


async def test_state_routes_take_no_members(api: httpx.AsyncClient) -> None:
    body = problem(await api.post("/v1/accounts/alice/freeze", json={"reason": "x"}), 400, "invalid_body")
    assert pointers(body) == ["/reason"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=-1", "limit=%D9%A1", "limit=", "limit=1&limit=1"])
async def test_a_limit_out_of_bounds_is_refused(api: httpx.AsyncClient, query: str) -> None:
    problem(await api.get(f"/v1/accounts/alice/entries?{query}"), 400, "invalid_parameter")


@pytest.mark.parametrize("cursor", ["", "x", "!!", "a" * 600, "MQ"])
async def test_a_cursor_that_was_not_issued_is_refused(api: httpx.AsyncClient, cursor: str) -> None:
    problem(await api.get("/v1/accounts/alice/entries", params={"cursor": cursor}), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "at", ["", "now", "2026-01-01", "2026-01-01T00:00:00", "1764000000", "9999-01-01T00:00:00Z", "2026-13-01T00:00:00Z"]
)
async def test_an_instant_that_is_not_one_of_the_past_is_refused(api: httpx.AsyncClient, at: str) -> None:
    problem(await api.get("/v1/accounts/bob", params={"at": at}), 400, "invalid_parameter")
