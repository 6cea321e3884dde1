"""What must be true of accounts for something to be done: balance conditions and versions."""

import httpx
import pytest

from tests.unit.serve.calls import item, pay, pay_batch, pointers, problem

pytestmark = pytest.mark.anyio

ONE = {"from": "alice", "to": "bob", "amount": 7}
_COMPARISONS = {"gte": 0, "gt": -1, "lte": 10**6, "lt": 10**6, "eq": 0}
_EVERY = dict.fromkeys(("posted", "pending_in", "pending_out", "available"), _COMPARISONS)


def condition(account: str = "alice", **balances: object) -> dict[str, object]:
    return {"account": account, **balances}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (condition(available={"gte": 990}), True),
        (condition(available={"gte": 991}), False),
        (condition(available={"gt": 990}), False),
        (condition(posted={"eq": 1000}, pending_out={"lte": 10}), True),
        (condition(posted={"eq": 1000}, pending_out={"lt": 10}), False),
        (condition(posted={"gte": "1000", "lt": 1001}), True),
        (condition(posted={"gte": 1, "lt": 900}), False),
        (condition("bob", pending_in={"eq": 10}), True),
        (condition("bob", posted={"gt": -1, "lte": 0}), True),
        (condition("bob", available={"gt": 0}), False),
    ],
)
@pytest.mark.parametrize("mode", ["immediate", "hold"])
async def test_a_payment_is_made_only_if_its_conditions_are_true(
    api: httpx.AsyncClient, condition: dict[str, object], holds: bool, mode: str
) -> None:
    assert (await pay(api, "before", **{**ONE, "amount": 10}, mode="hold")).status_code == 201
    answer = await pay(api, "1", **ONE, mode=mode, balance_conditions=[condition])
    if holds:
        assert answer.status_code == 201
    else:
        body = problem(answer, 422, "balance_condition_failed")
        assert f" {condition['account']} " in body["detail"] and "1000" not in body["detail"]


async def test_a_failed_condition_is_remembered(api: httpx.AsyncClient) -> None:
    conditions = [condition("bob", posted={"gte": 1})]
    first = await pay(api, "1", **ONE, balance_conditions=conditions)
    problem(first, 422, "balance_condition_failed")
    await pay(api, "2", **ONE)
    again = await pay(api, "1", **ONE, balance_conditions=conditions)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")


async def test_the_order_of_conditions_does_not_matter_but_their_content_does(api: httpx.AsyncClient) -> None:
    conditions = [condition(available={"gte": 1, "lt": 5000}), condition("bob", posted={"eq": 0})]
    assert (await pay(api, "1", **ONE, balance_conditions=conditions)).status_code == 201
    again = await pay(api, "1", **ONE, balance_conditions=[conditions[1], condition(available={"lt": "5000", "gte": 1})])
    assert again.headers["idempotency-replayed"] == "true"
    for other in ([conditions[0]], [condition(available={"gte": 2, "lt": 5000}), conditions[1]]):
        problem(await pay(api, "1", **ONE, balance_conditions=other), 422, "idempotency_key_reused")
    problem(await pay(api, "1", **ONE), 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("conditions", "code", "where"),
    [
        ([], "invalid_body", "/balance_conditions"),
        ([condition(available={"gte": 1})] * 17, "invalid_body", "/balance_conditions"),
        ([{"available": {"gte": 1}}], "invalid_body", "/balance_conditions/0/account"),
        ([condition("world", posted={"eq": 1})], "invalid_body", "/balance_conditions/0/account"),
        ([condition()], "invalid_body", "/balance_conditions/0"),
        ([condition(available={})], "invalid_body", "/balance_conditions/0/available"),
        ([condition(available={"gte": 1}, credit={"gte": 1})], "invalid_body", "/balance_conditions/0/credit"),
        ([condition(available={"ne": 1})], "invalid_body", "/balance_conditions/0/available/ne"),
        ([condition(available={"gte": 1.5})], "invalid_amount", "/balance_conditions/0/available/gte"),
        ([condition(available={"gte": "9223372036854775808"})], "invalid_amount", "/balance_conditions/0/available/gte"),
        ([condition(name, **_EVERY) for name in ("alice", "bob")] * 2, "invalid_body", "/balance_conditions"),
        ("alice", "invalid_body", "/balance_conditions"),
    ],
)
async def test_a_malformed_condition_is_refused_with_a_pointer(
    api: httpx.AsyncClient, conditions: object, code: str, where: str
) -> None:
    answer = await pay(api, "1", **ONE, balance_conditions=conditions)
    assert pointers(problem(answer, 400, code)) == [where]


async def test_conditions_count_in_batches_too(api: httpx.AsyncClient) -> None:
    good, bad = ({"balance_conditions": [condition(available={"gte": least})]} for least in (1, 5000))
    results = (await pay_batch(api, item("1", **good), item("2", **bad), item("3"))).json()["results"]
    assert [result["status"] for result in results] == [201, 422, 201]


async def test_a_payment_under_a_version_is_made_only_while_the_account_has_it(api: httpx.AsyncClient) -> None:
    version = (await api.get("/v1/accounts/alice")).headers["etag"]
    headers = {"Idempotency-Key": "1", "If-Match": version}
    body = {**ONE, "currency": "EUR"}
    first = await api.post("/v1/payments", json=body, headers=headers)
    assert first.status_code == 201
    assert (await api.post("/v1/payments", json=body, headers=headers)).content == first.content
    stale = {"Idempotency-Key": "2", "If-Match": version}
    for _ in range(2):
        refused = await api.post("/v1/payments", json=body, headers=stale)
        problem(refused, 412, "version_differs")
        assert "idempotency-replayed" not in refused.headers
    fresh = {"Idempotency-Key": "2", "If-Match": (await api.get("/v1/accounts/alice")).headers["etag"]}
    assert (await api.post("/v1/payments", json=body, headers=fresh)).status_code == 201


@pytest.mark.parametrize("verb", ["freeze", "unfreeze", "close"])
async def test_an_account_is_changed_only_while_it_has_the_version(api: httpx.AsyncClient, verb: str) -> None:
    etag = (await api.get("/v1/accounts/bob")).headers["etag"]
    if verb == "unfreeze":
        etag = (await api.post("/v1/accounts/bob/freeze", headers={"If-Match": etag})).headers["etag"]
    other = f'"{int(etag.strip(chr(34))) + 1}"'
    problem(await api.post(f"/v1/accounts/bob/{verb}", headers={"If-Match": other}), 412, "version_differs")
    changed = await api.post(f"/v1/accounts/bob/{verb}", headers={"If-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] == f'"{changed.json()["version"]}"'


@pytest.mark.parametrize("text", ["7", 'W/"7"', "*", '"07"', '"-1"', '"7", "8"', '""', '"x"', '"1234567890123456789"'])
async def test_a_version_that_is_none_is_refused(api: httpx.AsyncClient, text: str) -> None:
    headers = {"Idempotency-Key": "1", "If-Match": text}
    problem(await api.post("/v1/payments", json={**ONE, "currency": "EUR"}, headers=headers), 400, "invalid_header")
    problem(await api.post("/v1/accounts/bob/freeze", headers=headers), 400, "invalid_header")
