"""Captures, voids, refunds and reversals over HTTP, one at a time."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from processor.core.routing import shard_of
from tests.cluster import account_on
from tests.unit.serve.calls import balance, hold, operate, pay, pointers, problem
from tests.unit.serve.running_ledger import SHARDS

pytestmark = pytest.mark.anyio

LEGS = [{"from": "alice", "to": to, "amount": amount, "currency": "EUR"} for to, amount in (("bob", 50), ("world", 60))]


async def made(answer: Awaitable[httpx.Response]) -> str:
    """Return the id of the payment that was made."""
    return str((await answer).json()["id"])


async def test_a_capture_moves_all_that_is_held(api: httpx.AsyncClient) -> None:
    identity = await made(hold(api, "1", 70))
    answer = await operate(api, identity, "capture", "c")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"], body["status"], body["held"], body["captured"]) == (identity, "succeeded", 0, 70)
    operation = body["operation"]
    assert operation["id"].startswith("op_") and operation["id"].removeprefix("op_") != identity.removeprefix("pay_")
    assert {name: operation[name] for name in ("kind", "amount", "legs")} == {"kind": "capture", "amount": 70, "legs": [70]}
    assert "reason" not in operation
    del body["operation"]
    assert (await api.get(f"/v1/payments/{identity}")).json() == body
    assert (await balance(api, "alice"), await balance(api, "bob")) == (930, 70)


async def test_a_final_capture_of_a_part_releases_the_rest(api: httpx.AsyncClient) -> None:
    identity = await made(hold(api, "1", 70))
    body = (await operate(api, identity, "capture", "c", amount=30)).json()
    assert (body["status"], body["held"], body["captured"], body["operation"]["amount"]) == ("succeeded", 0, 30, 30)
    problem(await operate(api, identity, "capture", "d"), 409, "payment_not_held")


async def test_captures_in_parts_keep_the_rest_held_until_a_final_one(api: httpx.AsyncClient) -> None:
    identity = await made(hold(api, "1", 70))
    for key, amount, final, held in (("c", 30, False, 40), ("d", "10", False, 30), ("e", 5, True, 0)):
        body = (await operate(api, identity, "capture", key, amount=amount, final=final)).json()
        assert (body["held"], body["operation"]["amount"]) == (held, int(amount))
    assert (body["status"], body["captured"]) == ("succeeded", 45)


async def test_a_void_releases_what_is_held(api: httpx.AsyncClient) -> None:
    identity = await made(hold(api, "1", 70))
    await operate(api, identity, "capture", "c", amount=30, final=False)
    body = (await operate(api, identity, "void", "v")).json()
    assert (body["status"], body["held"], body["captured"]) == ("succeeded", 0, 30)
    assert (body["operation"]["kind"], body["operation"]["amount"]) == ("void", 40)
    untouched = await made(hold(api, "2", 70))
    assert (await operate(api, untouched, "void", None)).json()["status"] == "voided"
    assert await balance(api, "alice") == 970


async def test_refunds_move_back_up_to_what_was_captured(api: httpx.AsyncClient) -> None:
    identity = await made(pay(api, "1", **{"from": "alice", "to": "bob", "amount": 70}))
    first = await operate(api, identity, "refunds", "r1", amount=30)
    assert first.status_code == 201
    body = first.json()
    assert (body["status"], body["captured"], body["refunded"]) == ("partially_refunded", 70, 30)
    assert body["operation"]["kind"] == "refund"
    problem(await operate(api, identity, "refunds", "r2", amount=41), 422, "amount_exceeds_captured")
    rest = (await operate(api, identity, "refunds", "r3")).json()
    assert (rest["status"], rest["refunded"], rest["operation"]["amount"]) == ("refunded", 70, 40)
    problem(await operate(api, identity, "refunds", "r4"), 422, "amount_exceeds_captured")
    assert (await balance(api, "alice"), await balance(api, "bob")) == (1000, 0)


async def test_a_reversal_keeps_its_reason_and_passes_frozen_accounts(api: httpx.AsyncClient) -> None:
    identity = await made(pay(api, "1", **{"from": "alice", "to": "bob", "amount": 70}))
    await operate(api, identity, "refunds", "r", amount=20)
    await api.post("/v1/accounts/bob/freeze")
    problem(await operate(api, identity, "refunds", "r2"), 422, "account_frozen")
    answer = await operate(api, identity, "reversal", "x", reason="paid twice, ticket 4711")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["operation"]["kind"], body["operation"]["amount"]) == ("refunded", "reversal", 50)
    assert body["operation"]["reason"] == "paid twice, ticket 4711"


async def test_every_leg_has_its_own_amount(api: httpx.AsyncClient) -> None:
    identity = await made(pay(api, "1", legs=LEGS, mode="hold"))
    part = (await operate(api, identity, "capture", "c1", legs=[0, "20"], final=False)).json()
    assert (part["held"], part["captured"], part["operation"]["legs"], part["operation"]["amount"]) == (90, 20, [0, 20], 20)
    rest = (await operate(api, identity, "capture", "c2")).json()
    assert (rest["captured"], rest["operation"]["legs"]) == (110, [50, 40])
    back = (await operate(api, identity, "refunds", "r", legs=[50, 1])).json()
    assert (back["refunded"], back["status"]) == (51, "partially_refunded")


async def test_amounts_in_several_currencies_have_no_sum(api: httpx.AsyncClient) -> None:
    for account, lowest in (("usd", None), ("carol", 0)):
        await api.post("/v1/accounts", json={"id": account, "currency": "USD", "min_balance": lowest})
    legs = [LEGS[0], {"from": "usd", "to": "carol", "amount": 55, "currency": "USD"}]
    identity = await made(pay(api, "1", legs=legs, mode="hold"))
    body = (await operate(api, identity, "capture", "c", legs=[50, 5])).json()
    assert (body["captured"], body["held"], body["operation"]["amount"], body["operation"]["legs"]) == (None, None, None, [50, 5])


STEPS: list[tuple[str, dict[str, Any]]] = [
    ("capture", {"amount": 30, "final": False}),
    ("refunds", {"amount": 10}),
    ("capture", {"amount": 20, "final": False}),
    ("void", {}),
    ("refunds", {}),
]


async def test_every_operation_asked_again_is_answered_byte_for_byte_whatever_came_after(api: httpx.AsyncClient) -> None:
    identity = await made(hold(api, "1", 70))
    first = [await operate(api, identity, verb, str(key), **body) for key, (verb, body) in enumerate(STEPS)]
    assert [answer.status_code for answer in first] == [200, 201, 200, 200, 201]
    assert [answer.json()["status"] for answer in first] == ["held", "held", "held", "partially_refunded", "refunded"]
    for key, (verb, body) in enumerate(STEPS):
        again = await operate(api, identity, verb, str(key), **body)
        assert (again.status_code, again.content) == (first[key].status_code, first[key].content)
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first[key].headers


async def test_between_hosts_too_everything_asked_again_is_answered_byte_for_byte(two_hosts_api: httpx.AsyncClient) -> None:
    api = two_hosts_api
    host_of = {shard["shard"]: shard["host"] for shard in (await api.get("/v1/shards")).json()["data"]}
    home = host_of[shard_of("alice", SHARDS)]
    target = account_on(next(shard for shard, host in host_of.items() if host != home), SHARDS)
    assert (await api.post("/v1/accounts", json={"id": target, "currency": "EUR"})).status_code == 201
    one = [{"from": "alice", "to": target, "amount": 70, "currency": "EUR"}]
    for legs in (one, [*LEGS[:1], *one]):
        made_hold = await pay(api, f"h{len(legs)}", legs=legs, mode="hold")
        identity = made_hold.json()["id"]
        assert (await api.get(f"/v1/payments/{identity}")).json() == made_hold.json()
        steps: list[tuple[str, dict[str, Any]]]
        steps = STEPS if len(legs) == 1 else [("capture", {"legs": [30, 0]}), ("refunds", {"legs": [7, 0]}), ("refunds", {})]
        first = [await operate(api, identity, verb, str(key), **body) for key, (verb, body) in enumerate(steps)]
        assert {answer.status_code for answer in first} <= {200, 201}, [answer.text for answer in first]
        for key, (verb, body) in enumerate(steps):
            again = await operate(api, identity, verb, str(key), **body)
            assert (again.status_code, again.content) == (first[key].status_code, first[key].content)
        again = await pay(api, f"h{len(legs)}", legs=legs, mode="hold")
        assert again.content == made_hold.content


async def test_a_reversal_asked_again_is_answered_byte_for_byte(api: httpx.AsyncClient) -> None:
    identity = await made(pay(api, "1", legs=LEGS))
    first = await operate(api, identity, "reversal", "x", reason="mistake")
    again = await operate(api, identity, "reversal", "x", reason="mistake")
    assert (again.status_code, again.content) == (200, first.content)
    problem(await operate(api, identity, "reversal", "x", reason="other"), 422, "idempotency_key_reused")


async def test_voids_without_a_key_are_one_and_the_same(api: httpx.AsyncClient) -> None:
    identity = await made(hold(api, "1", 70))
    first = await operate(api, identity, "void", None)
    again = await operate(api, identity, "void", None)
    assert (again.status_code, again.content) == (200, first.content)
    problem(await operate(api, identity, "void", "k"), 409, "payment_not_held")


async def test_a_key_belongs_to_its_payment(api: httpx.AsyncClient) -> None:
    one, other = await made(hold(api, "1", 70)), await made(hold(api, "2", 70))
    assert (await operate(api, one, "capture", "1")).status_code == 200
    assert (await operate(api, other, "capture", "1")).status_code == 200
    used = problem(await operate(api, one, "refunds", "1"), 422, "idempotency_key_reused")
    assert used["payment_id"] == one


async def test_an_account_named_like_a_payment_shares_no_keys_with_it(api: httpx.AsyncClient) -> None:
    identity = await made(hold(api, "1", 70))
    await api.post("/v1/accounts", json={"id": identity, "currency": "EUR", "min_balance": None})
    assert (await pay(api, "same", **{"from": identity, "to": "bob", "amount": 1})).status_code == 201
    assert (await operate(api, identity, "capture", "same")).status_code == 200


Prepare = Callable[[httpx.AsyncClient], Awaitable[str]]


async def _held(api: httpx.AsyncClient) -> str:
    return await made(hold(api, "1", 70))


async def _moved(api: httpx.AsyncClient) -> str:
    return await made(pay(api, "1", **{"from": "alice", "to": "bob", "amount": 70}))


async def _spent(api: httpx.AsyncClient) -> str:
    identity = await _moved(api)
    await pay(api, "2", **{"from": "bob", "to": "world", "amount": 1})
    return identity


async def _from_frozen(api: httpx.AsyncClient) -> str:
    identity = await _moved(api)
    await api.post("/v1/accounts/alice/freeze")
    return identity


async def _to_closed(api: httpx.AsyncClient) -> str:
    identity = await _moved(api)
    await pay(api, "2", **{"from": "bob", "to": "world", "amount": 70})
    await api.post("/v1/accounts/bob/close")
    return identity


async def _full(api: httpx.AsyncClient) -> str:
    await api.post("/v1/accounts", json={"id": "small", "currency": "EUR", "max_balance": 100})
    await pay(api, "2", **{"from": "world", "to": "small", "amount": 100})
    identity = await made(pay(api, "3", **{"from": "small", "to": "bob", "amount": 70}))
    await pay(api, "4", **{"from": "world", "to": "small", "amount": 60})
    return identity


@pytest.mark.parametrize(
    ("prepare", "verb", "body", "status", "code"),
    [
        (_moved, "capture", {}, 409, "payment_not_held"),
        (_moved, "void", {}, 409, "payment_not_held"),
        (_held, "capture", {"amount": 71}, 422, "amount_exceeds_held"),
        (_held, "refunds", {}, 422, "amount_exceeds_captured"),
        (_moved, "refunds", {"amount": 71}, 422, "amount_exceeds_captured"),
        (_spent, "refunds", {}, 422, "insufficient_funds"),
        (_from_frozen, "refunds", {}, 422, "account_frozen"),
        (_to_closed, "refunds", {}, 422, "account_closed"),
        (_to_closed, "reversal", {"reason": "r"}, 422, "account_closed"),
        (_full, "refunds", {}, 422, "limit_exceeded"),
    ],
)
async def test_a_refusal_is_remembered_and_told_again_byte_for_byte(
    api: httpx.AsyncClient, prepare: Prepare, verb: str, body: dict[str, object], status: int, code: str
) -> None:
    identity = await prepare(api)
    first = await operate(api, identity, verb, "o", **body)
    assert problem(first, status, code)["payment_id"] == identity
    for account in ("alice", "bob"):
        await api.post(f"/v1/accounts/{account}/unfreeze")
    await pay(api, "mend", **{"from": "world", "to": "bob", "amount": 5000})
    again = await operate(api, identity, verb, "o", **body)
    assert (again.status_code, again.content) == (status, first.content)
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("verb", "body", "code", "where"),
    [
        ("capture", {"amount": 0}, "invalid_amount", ["/amount"]),
        ("capture", {"amount": 1.5}, "invalid_amount", ["/amount"]),
        ("capture", {"amount": "9223372036854775808"}, "invalid_amount", ["/amount"]),
        ("capture", {"legs": [0]}, "invalid_amount", ["/legs"]),
        ("capture", {"legs": [-1]}, "invalid_amount", ["/legs/0"]),
        ("capture", {"legs": [1, "x"]}, "invalid_amount", ["/legs/1"]),
        ("capture", {"legs": [1, "9223372036854775808"]}, "invalid_amount", ["/legs/1"]),
        ("capture", {"legs": []}, "invalid_body", ["/legs"]),
        ("capture", {"legs": [1] * 33}, "invalid_body", ["/legs"]),
        ("capture", {"legs": [1], "amount": 1}, "invalid_body", ["/amount"]),
        ("capture", {"legs": [1, 2]}, "invalid_amount", ["/legs"]),
        ("capture", {"final": 1}, "invalid_body", ["/final"]),
        ("capture", {"reason": "r"}, "invalid_body", ["/reason"]),
        ("void", {"amount": 1}, "invalid_body", ["/amount"]),
        ("refunds", {"legs": [1, 2]}, "invalid_amount", ["/legs"]),
        ("refunds", {"final": True}, "invalid_body", ["/final"]),
        ("reversal", {}, "invalid_body", ["/reason"]),
        ("reversal", {"reason": ""}, "invalid_body", ["/reason"]),
        ("reversal", {"reason": "r" * 501}, "invalid_body", ["/reason"]),
    ],
)
async def test_a_malformed_operation_is_refused_with_pointers_and_not_remembered(
    api: httpx.AsyncClient, verb: str, body: dict[str, object], code: str, where: list[str]
) -> None:
    identity = await _held(api)
    assert pointers(problem(await operate(api, identity, verb, "o", **body), 400, code)) == where
    assert (await operate(api, identity, "capture", "o")).status_code == 200


async def test_one_amount_for_several_legs_is_refused_with_its_pointer(api: httpx.AsyncClient) -> None:
    identity = await made(pay(api, "1", legs=LEGS, mode="hold"))
    assert pointers(problem(await operate(api, identity, "capture", "o", amount=1), 400, "invalid_amount")) == ["/amount"]


async def test_a_member_given_twice_is_refused(api: httpx.AsyncClient) -> None:
    identity = await _held(api)
    url, headers = f"/v1/payments/{identity}/capture", {"Idempotency-Key": "o"}
    problem(await api.post(url, content=b'{"amount":1,"amount":2}', headers=headers), 400, "invalid_json")


@pytest.mark.parametrize("verb", ["capture", "refunds", "reversal"])
async def test_what_moves_money_needs_a_key(api: httpx.AsyncClient, verb: str) -> None:
    body = {"reason": "r"} if verb == "reversal" else {}
    problem(await operate(api, await _held(api), verb, None, **body), 400, "idempotency_key_required")


@pytest.mark.parametrize("identity", ["x", "pay_1K0VB1G4ZXC000000000030000", "pay_1K0VB1G4ZXCZZZ000000030000"])
@pytest.mark.parametrize("verb", ["capture", "void", "refunds", "reversal"])
async def test_what_is_asked_of_no_payment_is_404_and_not_remembered(api: httpx.AsyncClient, verb: str, identity: str) -> None:
    body = {"reason": "r"} if verb == "reversal" else {}
    for _ in range(2):
        answer = await operate(api, identity, verb, "o", **body)
        problem(answer, 404, "payment_not_found")
        assert "idempotency-replayed" not in answer.headers
