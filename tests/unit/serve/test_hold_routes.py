"""Holds over HTTP: how they are made, and what of them is told."""

from datetime import datetime, timedelta

import httpx
import pytest

from serve.limits import HOLD_SECONDS_MAX
from tests.unit.serve.calls import balance, check_problem, hold, item, pay, pay_batch, pointers, problem

pytestmark = pytest.mark.anyio

ONE = {"from": "alice", "to": "bob", "amount": 7}
WEEK = 7 * 24 * 60 * 60


def seconds_until_expiry(body: dict[str, str]) -> timedelta:
    return datetime.fromisoformat(body["expires_at"]) - datetime.fromisoformat(body["created_at"])


async def test_a_hold_reserves_the_money_and_moves_none(api: httpx.AsyncClient) -> None:
    made = await pay(api, "1", **ONE, mode="hold", expires_in_seconds=60, reference="order 1")
    assert made.status_code == 201
    body = made.json()
    expected = {"status": "held", "mode": "hold", "amount": 7, "held": 7, "captured": 0, "refunded": 0, "reference": "order 1"}
    assert {name: body[name] for name in expected} == expected
    assert seconds_until_expiry(body) == timedelta(seconds=60)
    assert (await api.get(f"/v1/payments/{body['id']}")).content == made.content
    alice, bob = [(await api.get(f"/v1/accounts/{name}")).json() for name in ("alice", "bob")]
    assert (alice["posted"], alice["pending_out"], alice["available"]) == (1000, 7, 993)
    assert (bob["posted"], bob["pending_in"]) == (0, 7)


async def test_a_hold_expires_after_a_week_unless_told_otherwise(api: httpx.AsyncClient) -> None:
    assert seconds_until_expiry((await hold(api, "1", 7)).json()) == timedelta(seconds=WEEK)
    explicit = await pay(api, "1", **ONE, mode="hold", expires_in_seconds=WEEK)
    assert explicit.headers["idempotency-replayed"] == "true"


async def test_a_hold_asked_again_gives_the_first_answer_whatever_became_of_it(api: httpx.AsyncClient) -> None:
    first = await hold(api, "1", 7)
    captured = await api.post(f"/v1/payments/{first.json()['id']}/capture", headers={"Idempotency-Key": "c"})
    assert captured.json()["status"] == "succeeded"
    again = await hold(api, "1", 7)
    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.parametrize("other", [{"mode": "immediate"}, {"expires_in_seconds": 61}, {"amount": 8}])
async def test_the_same_key_with_another_hold_is_refused(api: httpx.AsyncClient, other: dict[str, object]) -> None:
    assert (await pay(api, "1", **ONE, mode="hold", expires_in_seconds=60)).status_code == 201
    asked = {**ONE, "mode": "hold", "expires_in_seconds": 60, **other}
    if asked["mode"] == "immediate":
        del asked["expires_in_seconds"]
    problem(await pay(api, "1", **asked), 422, "idempotency_key_reused")


async def test_a_hold_of_more_than_is_available_is_refused(api: httpx.AsyncClient) -> None:
    assert (await hold(api, "1", 600)).status_code == 201
    problem(await hold(api, "2", 401), 422, "insufficient_funds")
    problem(await pay(api, "3", **{**ONE, "amount": 401}), 422, "insufficient_funds")
    assert (await pay(api, "4", **{**ONE, "amount": 400})).status_code == 201


async def test_a_hold_of_several_legs_holds_each(api: httpx.AsyncClient) -> None:
    legs = [{"from": "alice", "to": to, "amount": amount, "currency": "EUR"} for to, amount in (("bob", 5), ("world", 6))]
    body = (await pay(api, "1", legs=legs, mode="hold")).json()
    assert (body["status"], body["held"], body["captured"], body["amount"]) == ("held", 11, 0, 11)
    assert (await api.get(f"/v1/payments/{body['id']}")).json() == body


@pytest.mark.parametrize("seconds", [0, -1, HOLD_SECONDS_MAX + 1, "60", 1.5, True, None])
async def test_a_lifetime_out_of_bounds_is_refused(api: httpx.AsyncClient, seconds: object) -> None:
    answer = await pay(api, "1", **ONE, mode="hold", expires_in_seconds=seconds)
    assert pointers(problem(answer, 400, "invalid_body")) == ["/expires_in_seconds"]


@pytest.mark.parametrize("seconds", [1, HOLD_SECONDS_MAX])
async def test_a_lifetime_to_its_bounds_is_taken(api: httpx.AsyncClient, seconds: int) -> None:
    made = await pay(api, "1", **ONE, mode="hold", expires_in_seconds=seconds)
    assert seconds_until_expiry(made.json()) == timedelta(seconds=seconds)


async def test_holds_are_made_in_batches_too(api: httpx.AsyncClient) -> None:
    answer = await pay_batch(api, item("1", mode="hold"), item("2"), item("3", mode="hold", amount=5000))
    held, moved, refused = answer.json()["results"]
    assert (held["payment"]["status"], moved["payment"]["status"]) == ("held", "succeeded")
    check_problem(refused["problem"], 422, "insufficient_funds")
    assert await balance(api, "bob") == 1
