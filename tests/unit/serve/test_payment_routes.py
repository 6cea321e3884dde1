"""Payments over HTTP, one at a time."""

import asyncio

import httpx
import pytest

from tests.unit.serve.calls import balance, pay, pointers, problem

pytestmark = pytest.mark.anyio

ONE = {"from": "alice", "to": "bob", "amount": 7}


def leg(**members: object) -> dict[str, object]:
    return {"from": "alice", "to": "bob", "amount": 7, "currency": "EUR", **members}


async def test_a_payment_moves_money_and_is_read_back_as_it_was_answered(api: httpx.AsyncClient) -> None:
    made = await pay(api, "1", **ONE, reference="order 1", metadata={"b": "2", "a": "1"})
    assert made.status_code == 201
    body = made.json()
    assert made.headers["location"] == f"/v1/payments/{body['id']}"
    assert "idempotency-replayed" not in made.headers
    expected = {
        "status": "succeeded", "from": "alice", "to": "bob", "amount": 7, "currency": "EUR", "legs": [leg()], "mode": "immediate",
        "held": 0, "captured": 7, "refunded": 0, "expires_at": None, "reference": "order 1", "metadata": {"a": "1", "b": "2"},
    }  # fmt: skip
    assert {name: body[name] for name in expected} == expected
    assert set(body) == {*expected, "id", "created_at", "as_of"}
    assert (await api.get(f"/v1/payments/{body['id']}")).content == made.content
    assert (await balance(api, "alice"), await balance(api, "bob")) == (993, 7)


async def test_the_same_key_and_body_gives_the_first_answer_again_byte_for_byte(api: httpx.AsyncClient) -> None:
    first = await pay(api, "1", **ONE, metadata={"b": "2", "a": "1"})
    spelled_otherwise = (
        b' { "metadata":{"\\u0061":"1","b":"2"},"currency":"EUR" , "amount":"7","to":"bob","from":"alice","mode":"immediate"} '
    )
    again = await api.post("/v1/payments", content=spelled_otherwise, headers={"Idempotency-Key": "1"})
    in_legs = await pay(api, "1", legs=[leg()], metadata={"a": "1", "b": "2"}, reference=None)
    for replay in (again, in_legs):
        assert (replay.status_code, replay.content) == (201, first.content)
        assert replay.headers["idempotency-replayed"] == "true"
    assert await balance(api, "bob") == 7


async def test_a_remembered_refusal_is_given_again_byte_for_byte(api: httpx.AsyncClient) -> None:
    first = await pay(api, "1", **{**ONE, "amount": 1001})
    body = problem(first, 422, "insufficient_funds")
    assert body["payment_id"].startswith("pay_")
    assert (await pay(api, "fund", **{"from": "world", "to": "alice", "amount": 5000})).status_code == 201
    again = await pay(api, "1", **{**ONE, "amount": 1001})
    assert (again.status_code, again.content) == (422, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    problem(await api.get(f"/v1/payments/{body['payment_id']}"), 404, "payment_not_found")


async def test_the_clients_own_request_id_is_echoed_with_a_refusal_too(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "1", "X-Request-Id": "mine"}
    refused = await api.post("/v1/payments", json={**ONE, "currency": "EUR", "amount": 1001}, headers=headers)
    assert (refused.status_code, refused.headers["request-id"]) == (422, "mine")


@pytest.mark.parametrize(
    "other",
    [{"amount": 8}, {"to": "world"}, {"currency": "USD"}, {"reference": "x"}, {"reference": ""}, {"metadata": {"a": "b"}}],
)
async def test_the_same_key_with_another_body_is_refused(api: httpx.AsyncClient, other: dict[str, object]) -> None:
    first = await pay(api, "1", **ONE)
    body = problem(await pay(api, "1", **{**ONE, **other}), 422, "idempotency_key_reused")
    assert body["payment_id"] == first.json()["id"]
    assert await balance(api, "bob") == 7


async def test_a_key_belongs_to_its_from_account(api: httpx.AsyncClient) -> None:
    assert (await pay(api, "1", **ONE)).status_code == 201
    assert (await pay(api, "1", **{**ONE, "from": "world"})).status_code == 201


async def test_several_legs_happen_in_order_or_not_at_all(api: httpx.AsyncClient) -> None:
    onward = [leg(amount=1000), leg(**{"from": "bob", "to": "world", "amount": "600"})]
    made = (await pay(api, "1", legs=onward)).json()
    assert (made["from"], made["to"], made["amount"], made["currency"], made["captured"]) == (None, None, 1600, "EUR", 1600)
    assert [entry["amount"] for entry in made["legs"]] == [1000, 600]
    too_much = [leg(**{"from": "bob", "to": "world", "amount": 1}), leg(amount=1)]
    body = problem(await pay(api, "2", legs=too_much), 422, "insufficient_funds")
    assert "leg 2" in body["detail"] and "alice" in body["detail"]
    assert await balance(api, "bob") == 400


async def test_what_all_legs_share_is_told_for_the_payment(api: httpx.AsyncClient) -> None:
    await api.post("/v1/accounts", json={"id": "w2", "currency": "USD", "min_balance": None})
    await api.post("/v1/accounts", json={"id": "b2", "currency": "USD"})
    split = (await pay(api, "1", legs=[leg(amount=1), leg(amount=2)])).json()
    assert (split["from"], split["to"], split["amount"]) == ("alice", "bob", 3)
    mixed = (await pay(api, "2", legs=[leg(amount=1), leg(**{"from": "w2", "to": "b2", "currency": "USD"})])).json()
    assert (mixed["amount"], mixed["currency"], mixed["captured"], mixed["refunded"]) == (None, None, None, None)


@pytest.mark.parametrize(
    ("members", "code", "named"),
    [
        ({"from": "nobody"}, "account_not_found", "nobody"),
        ({"to": "nobody"}, "account_not_found", "nobody"),
        ({"to": "alice"}, "same_account", "alice"),
        ({"currency": "USD"}, "currency_mismatch", "alice"),
        ({"amount": 1001}, "insufficient_funds", "alice"),
        ({"to": "small"}, "limit_exceeded", "small"),
    ],
)
async def test_a_refusal_says_which_account_and_never_a_balance(
    api: httpx.AsyncClient, members: dict[str, object], code: str, named: str
) -> None:
    await api.post("/v1/accounts", json={"id": "small", "currency": "EUR", "max_balance": 6})
    body = problem(await pay(api, "1", **{**ONE, **members}), 422, code)
    assert f" {named} " in body["detail"]
    assert "1000" not in body["detail"]


@pytest.mark.parametrize("amount", [1, 2**53 - 1, "1", "9007199254740993", "9223372036854775807"])
async def test_amounts_to_their_bounds_are_taken(api: httpx.AsyncClient, amount: int | str) -> None:
    await api.post("/v1/accounts", json={"id": "mint", "currency": "EUR", "min_balance": None})
    made = await pay(api, "1", **{"from": "mint", "to": "bob", "amount": amount})
    assert made.status_code == 201
    expected = int(amount) if int(amount) < 2**53 else str(amount)
    assert made.json()["amount"] == expected
    assert (await api.get("/v1/accounts/bob")).json()["posted"] == expected


@pytest.mark.parametrize(
    "text",
    [
        "0", "-1", "-0", "1.0", "1.5", "1e3", "1E400", "true", "null", "[]", "{}", "9007199254740992", "99999999999999999999999",
        '""', '"0"', '"0005"', '"+5"', '"-5"', '"5.0"', '"1e3"', '" 5"', '"5 "', '"5\\n"', '"\\u0665"', '"9223372036854775808"',
        '"99999999999999999999"', "1" * 5000,
    ],
)  # fmt: skip
async def test_amounts_that_are_none_are_refused(api: httpx.AsyncClient, text: str) -> None:
    body = b'{"from":"alice","to":"bob","currency":"EUR","amount":%b}' % text.encode()
    answer = await api.post("/v1/payments", content=body, headers={"Idempotency-Key": "1"})
    assert pointers(problem(answer, 400, "invalid_amount")) == ["/amount"]


@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        ({}, "invalid_body", ["/from", "/to", "/amount", "/currency"]),
        ({**ONE}, "invalid_body", ["/currency"]),
        ({"legs": []}, "invalid_body", ["/legs"]),
        ({"legs": [leg()] * 33}, "invalid_body", ["/legs"]),
        ({"legs": [leg()], "amount": 1, "to": "bob"}, "invalid_body", ["/to", "/amount"]),
        ({"legs": [leg(), leg(amount=0)]}, "invalid_amount", ["/legs/1/amount"]),
        ({"legs": [leg(), leg(amount="9223372036854775808")]}, "invalid_amount", ["/legs/1/amount"]),
        ({"legs": [leg(currency="EUX")]}, "unknown_currency", ["/legs/0/currency"]),
        ({"legs": [{"from": "alice"}]}, "invalid_body", ["/legs/0/to"]),
        ({"legs": [leg(x=1)]}, "invalid_body", ["/legs/0/x"]),
        (leg(**{"from": ""}), "invalid_body", ["/from"]),
        (leg(to="b" * 65), "invalid_body", ["/to"]),
        (leg(to=None), "invalid_body", ["/to"]),
        (leg(mode="later"), "invalid_body", ["/mode"]),
        (leg(expires_in_seconds=60), "invalid_body", ["/expires_in_seconds"]),
        (leg(reference="r" * 256), "invalid_body", ["/reference"]),
        (leg(metadata=[]), "invalid_body", ["/metadata"]),
        (leg(**{"a/b~c": 1}), "invalid_body", ["/a~1b~0c"]),
    ],
)
async def test_a_malformed_payment_is_refused_with_pointers(
    api: httpx.AsyncClient, body: dict[str, object], code: str, where: list[str]
) -> None:
    answer = await api.post("/v1/payments", json=body, headers={"Idempotency-Key": "1"})
    assert pointers(problem(answer, 400, code)) == where


async def test_a_malformed_request_is_not_remembered_under_its_key(api: httpx.AsyncClient) -> None:
    problem(await pay(api, "1", **{**ONE, "amount": 0}), 400, "invalid_amount")
    assert (await pay(api, "1", **ONE)).status_code == 201


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "idempotency_key_required"),
        ({"Idempotency-Key": ""}, "idempotency_key_required"),
        ({"Idempotency-Key": "k" * 256}, "invalid_idempotency_key"),
        ({"Idempotency-Key": "a b"}, "invalid_idempotency_key"),
        ({"Idempotency-Key": "ä"}, "invalid_idempotency_key"),
    ],
)
async def test_a_payment_needs_a_sane_key(api: httpx.AsyncClient, headers: dict[str, str], code: str) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    problem(await api.post("/v1/payments", json=leg(), headers=encoded), 400, code)


async def test_a_key_may_have_255_characters(api: httpx.AsyncClient) -> None:
    assert (await pay(api, "k" * 255, **ONE)).status_code == 201


async def test_payments_that_arrive_together_with_one_key_happen_once(api: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(pay(api, "1", **ONE) for _ in range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await balance(api, "bob") == 7


@pytest.mark.parametrize(
    "identity", ["x", "pay_", "pay_1K0VB1G4ZXC000000000030000", "pay_1K0VB1G4ZXCZZZ000000030000", "batch%00", "PAY_X"]
)
async def test_a_payment_that_does_not_exist_is_404(api: httpx.AsyncClient, identity: str) -> None:
    problem(await api.get(f"/v1/payments/{identity}"), 404, "payment_not_found")
