"""Many captures, voids and refunds in one request."""

from typing import Any

import httpx
import msgspec
import pytest

from tests.unit.serve.calls import balance, check_problem, hold, item, operate, pay_batch, pointers, problem

pytestmark = pytest.mark.anyio


async def held(api: httpx.AsyncClient, count: int, amount: int = 10) -> list[str]:
    """Return the ids of so many holds."""
    answer = await pay_batch(api, *(item(f"h{number}", mode="hold", amount=amount) for number in range(count)))
    return [result["payment"]["id"] for result in answer.json()["results"]]


async def bulk(api: httpx.AsyncClient, verb: str, member: str, *items: object) -> httpx.Response:
    return await api.post(f"/v1/payments/batch/{verb}", json={member: items})


def results(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def test_captures_are_answered_in_order_each_by_itself(api: httpx.AsyncClient) -> None:
    first, second, third = await held(api, 3)
    asked = [
        {"idempotency_key": "1", "payment_id": first},
        {"idempotency_key": "2", "payment_id": second, "amount": 11},
        {"idempotency_key": "3", "payment_id": second, "amount": 4, "final": False},
        {"idempotency_key": "4", "payment_id": third, "legs": ["2"]},
        {"idempotency_key": "1", "payment_id": first},
    ]
    answer = await bulk(api, "capture", "captures", *asked)
    found = results(answer)
    assert [result["status"] for result in found] == [200, 422, 200, 200, 200]
    check_problem(found[1]["problem"], 422, "amount_exceeds_held")
    assert [result.get("replayed") for result in found] == [False, None, False, False, True]
    assert found[0]["payment"] == found[4]["payment"]
    assert [found[place]["payment"]["held"] for place in (0, 2, 3)] == [0, 6, 0]
    assert await balance(api, "bob") == 16
    assert "consistency-token" in answer.headers


async def test_an_item_is_answered_as_the_same_operation_alone_is(api: httpx.AsyncClient) -> None:
    first, second = await held(api, 2)
    alone = await operate(api, first, "capture", "1", amount=3)
    (result,) = results(await bulk(api, "capture", "captures", {"idempotency_key": "1", "payment_id": first, "amount": 3}))
    assert result == {"status": 200, "replayed": True, "payment": alone.json()}
    assert msgspec.json.encode(result["payment"]) == alone.content
    voided = await operate(api, second, "void", None)
    (result,) = results(await bulk(api, "void", "voids", {"payment_id": second}))
    assert (result["replayed"], result["payment"]) == (True, voided.json())
    refunded = await operate(api, first, "refunds", "2")
    (result,) = results(await bulk(api, "refunds", "refunds", {"idempotency_key": "2", "payment_id": first}))
    assert (result["status"], result["payment"]) == (201, refunded.json())


@pytest.mark.parametrize(
    ("bad", "code", "pointer"),
    [
        ("5", "invalid_body", ""),
        ('{"payment_id":"%s"}', "idempotency_key_required", "/idempotency_key"),
        ('{"idempotency_key":"x"}', "invalid_body", "/payment_id"),
        ('{"idempotency_key":"x","payment_id":"%s","amount":0}', "invalid_amount", "/amount"),
        ('{"idempotency_key":"x","payment_id":"%s","reason":"r"}', "invalid_body", "/reason"),
    ],
)
async def test_a_malformed_item_disturbs_nothing_else(api: httpx.AsyncClient, bad: str, code: str, pointer: str) -> None:
    first, second, third = await held(api, 3)
    good = [f'{{"idempotency_key":"k","payment_id":"{identity}"}}' for identity in (first, third)]
    spoiled = bad.replace("%s", second)
    found = results(await api.post("/v1/payments/batch/capture", content=f'{{"captures":[{good[0]},{spoiled},{good[1]}]}}'))
    assert [result["status"] for result in found] == [200, 400, 200]
    check_problem(found[1]["problem"], 400, code)
    assert pointers(found[1]["problem"]) == [f"/captures/1{pointer}"]


async def test_a_duplicate_member_spoils_its_item_alone(api: httpx.AsyncClient) -> None:
    first, second = await held(api, 2)
    bad = f'{{"idempotency_key":"k","payment_id":"{first}","amount":1,"amount":2}}'
    found = results(
        await api.post(
            "/v1/payments/batch/capture", content=f'{{"captures":[{bad},{{"idempotency_key":"k","payment_id":"{second}"}}]}}'
        )
    )
    assert [result["status"] for result in found] == [400, 200]
    check_problem(found[0]["problem"], 400, "invalid_json")


async def test_an_unknown_payment_spoils_its_item_alone(api: httpx.AsyncClient) -> None:
    (identity,) = await held(api, 1)
    missing = [{"payment_id": other} for other in ("x", "pay_1K0VB1G4ZXC000000000030000")]
    found = results(await bulk(api, "void", "voids", *missing, {"payment_id": identity}))
    assert [result["status"] for result in found] == [404, 404, 200]


async def test_ten_thousand_are_taken_and_one_more_is_not(api: httpx.AsyncClient) -> None:
    await api.post("/v1/accounts", json={"id": "rich", "currency": "EUR", "min_balance": None})
    payments = [item(f"{number}", mode="hold", **{"from": "rich"}) for number in range(10_000)]
    made = results(await pay_batch(api, *payments, Prefer="return=minimal"))
    captures = [{"idempotency_key": "c", "payment_id": result["id"], "amount": 1} for result in made]
    problem(await bulk(api, "capture", "captures", *captures, captures[0]), 413, "batch_too_large")
    assert await balance(api, "bob") == 0
    found = results(await bulk(api, "capture", "captures", *captures))
    assert {(result["status"], result["payment"]["status"]) for result in found} == {(200, "succeeded")}
    assert await balance(api, "bob") == 10_000


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"payments":[]}', b'{"captures":[]} []', b'{"captures":[],"captures":[]}'])
async def test_a_batch_that_cannot_be_read_is_refused_as_a_whole(api: httpx.AsyncClient, body: bytes) -> None:
    answer = await api.post("/v1/payments/batch/capture", content=body)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("invalid_json", "invalid_body")


async def test_an_empty_batch_has_no_results(api: httpx.AsyncClient) -> None:
    assert results(await bulk(api, "void", "voids")) == []


async def test_a_hold_may_be_captured_only_once_however_the_requests_meet(api: httpx.AsyncClient) -> None:
    identity = str((await hold(api, "1", 10)).json()["id"])
    asked = [{"idempotency_key": f"{number}", "payment_id": identity} for number in range(50)]
    found = results(await bulk(api, "capture", "captures", *asked))
    assert sorted(result["status"] for result in found) == [200, *[409] * 49]
    assert await balance(api, "bob") == 10
