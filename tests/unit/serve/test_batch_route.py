"""Batches: every item by itself, in order."""

import httpx
import msgspec
import pytest

from tests.unit.serve.calls import balance, check_problem, item, pay, pay_batch, pointers, problem

pytestmark = pytest.mark.anyio

LEG = {"from": "alice", "to": "bob", "amount": 1, "currency": "EUR"}


def text(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def test_every_item_has_its_outcome_in_the_order_asked(api: httpx.AsyncClient) -> None:
    answer = await pay_batch(api, item("1", amount=5), item("2", amount=5000), item("3", to="nobody"), item("4", amount=6))
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 422, 201]
    assert [results[0]["payment"]["amount"], results[3]["payment"]["amount"]] == [5, 6]
    assert results[0]["replayed"] is False
    check_problem(results[1]["problem"], 422, "insufficient_funds")
    check_problem(results[2]["problem"], 422, "account_not_found")
    assert await balance(api, "bob") == 11


async def test_an_item_is_answered_as_the_same_payment_alone_is(api: httpx.AsyncClient) -> None:
    alone = await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1, "metadata": {"b": "1", "a": "2"}})
    (result,) = (await pay_batch(api, item("1", metadata={"a": "2", "b": "1"}))).json()["results"]
    assert result == {"status": 201, "replayed": True, "payment": alone.json()}
    assert msgspec.json.encode(result["payment"]) == alone.content


@pytest.mark.parametrize(
    ("bad", "code", "pointer"),
    [
        ("5", "invalid_body", ""),
        ("null", "invalid_body", ""),
        ("[]", "invalid_body", ""),
        ("{}", "idempotency_key_required", "/idempotency_key"),
        ('{"idempotency_key":""}', "idempotency_key_required", "/idempotency_key"),
        ('{"idempotency_key":7}', "invalid_body", "/idempotency_key"),
        (text(item("b", amount=1.5)), "invalid_amount", "/amount"),
        (text(item("b", amount="9999999999999999999")), "invalid_amount", "/amount"),
        (text(item("b", currency="EUX")), "unknown_currency", "/currency"),
        (text({"idempotency_key": "b", "legs": [LEG, {**LEG, "amount": 0}]}), "invalid_amount", "/legs/1/amount"),
        (text(item("b", expires_in_seconds=60)), "invalid_body", "/expires_in_seconds"),
        ('{"idempotency_key":"b","surprise":[[[["deep"]]]]}', "invalid_body", "/surprise"),
    ],
)
async def test_a_malformed_item_disturbs_nothing_else(api: httpx.AsyncClient, bad: str, code: str, pointer: str) -> None:
    good = [text(item(key)) for key in ("1", "2")]
    answer = await api.post("/v1/payments/batch", content=f'{{"payments":[{good[0]},{bad},{good[1]}]}}')
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 400, 201]
    check_problem(results[1]["problem"], 400, code)
    assert pointers(results[1]["problem"]) == [f"/payments/1{pointer}"]
    assert await balance(api, "bob") == 2


@pytest.mark.parametrize("member", ['"to":"bob",', '"reference":"a\\u0000b",'])
async def test_a_duplicate_member_or_nul_spoils_its_item_alone(api: httpx.AsyncClient, member: str) -> None:
    bad = f'{{"idempotency_key":"b","from":"alice",{member}"to":"bob","amount":1,"currency":"EUR"}}'
    answer = await api.post("/v1/payments/batch", content=f'{{"payments":[{bad},{text(item("1"))}]}}')
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [400, 201]
    check_problem(results[0]["problem"], 400, "invalid_json")


async def test_an_overlong_key_spoils_its_item_alone(api: httpx.AsyncClient) -> None:
    results = (await pay_batch(api, item("k" * 256), item("k k"), item("ok"))).json()["results"]
    assert [result["status"] for result in results] == [400, 400, 201]
    check_problem(results[0]["problem"], 400, "invalid_idempotency_key")


async def test_a_key_repeated_in_the_batch_is_a_replay_or_refused(api: httpx.AsyncClient) -> None:
    answer = await pay_batch(api, item("1"), item("1"), item("1", amount=2), item("1", amount="1"))
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 201, 422, 201]
    assert [result.get("replayed") for result in results] == [False, True, None, True]
    check_problem(results[2]["problem"], 422, "idempotency_key_reused")
    assert results[0]["payment"] == results[1]["payment"] == results[3]["payment"]
    assert await balance(api, "bob") == 1


async def test_a_whole_batch_sent_again_changes_nothing(api: httpx.AsyncClient) -> None:
    items = [item(f"{number}", amount=number * 100) for number in range(1, 6)]
    first = (await pay_batch(api, *items)).json()["results"]
    again = (await pay_batch(api, *items)).json()["results"]
    assert [result["status"] for result in first] == [201, 201, 201, 201, 422]
    assert [result["replayed"] for result in again] == [True] * 5
    for before, after in zip(first, again, strict=True):
        assert (before.get("payment"), before.get("problem")) == (after.get("payment"), after.get("problem"))


@pytest.mark.parametrize("preference", ["return=minimal", 'respond-async, return="minimal"', "Return = Minimal; x"])
async def test_the_minimal_answer_holds_ids_alone(api: httpx.AsyncClient, preference: str) -> None:
    answer = await pay_batch(api, item("1"), item("2", amount=5000), Prefer=preference)
    accepted, refused = answer.json()["results"]
    assert accepted == {"status": 201, "id": (await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1})).json()["id"]}
    check_problem(refused["problem"], 422, "insufficient_funds")


async def test_another_preference_changes_nothing(api: httpx.AsyncClient) -> None:
    answer = await pay_batch(api, item("1"), Prefer="return=minimalist")
    assert "payment" in answer.json()["results"][0]


async def test_an_empty_batch_has_no_results(api: httpx.AsyncClient) -> None:
    answer = await pay_batch(api)
    assert (answer.status_code, answer.json()) == (200, {"results": []})


async def test_ten_thousand_payments_are_taken_and_one_more_is_not(api: httpx.AsyncClient) -> None:
    items = [item(f"{number}", **{"from": "world"}) for number in range(10_001)]
    problem(await pay_batch(api, *items), 413, "batch_too_large")
    assert await balance(api, "bob") == 0
    results = (await pay_batch(api, *items[:-1], Prefer="return=minimal")).json()["results"]
    assert {result["status"] for result in results} == {201}
    assert len({result["id"] for result in results}) == 10_000
    assert await balance(api, "bob") == 10_000
    items[5] = {}
    problem(await pay_batch(api, *items), 413, "batch_too_large")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"[]", "invalid_body"),
        (b"{}", "invalid_body"),
        (b'{"payments":{}}', "invalid_body"),
        (b'{"payments":[],"atomic":true}', "invalid_body"),
        (b'{"payments":[],"payments":[]}', "invalid_json"),
        (b'{"payments":[{}],"payments":[]}', "invalid_json"),
        (b'{"payments":[{]}', "invalid_json"),
        (b'{"payments":[1,]}', "invalid_json"),
        (b'{"payments":[' + b"[" * 200_000, "invalid_json"),
        (b'{"payments":[' + b"[" * 200_000 + b"]" * 200_000 + b"]}", "invalid_json"),
        (b'{"payments":[]} []', "invalid_json"),
    ],
)
async def test_a_batch_that_cannot_be_read_is_refused_as_a_whole(api: httpx.AsyncClient, body: bytes, code: str) -> None:
    problem(await api.post("/v1/payments/batch", content=body), 400, code)


async def test_invalid_utf8_in_an_item_spoils_it_alone(api: httpx.AsyncClient) -> None:
    good = msgspec.json.encode(item("1"))
    body = b'{"payments":[{"idempotency_key":"b","from":"\xff\xfe","to":"bob","amount":1,"currency":"EUR"},%b]}' % good
    results = (await api.post("/v1/payments/batch", content=body)).json()["results"]
    assert [result["status"] for result in results] == [400, 201]
    check_problem(results[0]["problem"], 400, "invalid_json")
