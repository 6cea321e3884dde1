"""Every kind of bad input gets its own 4xx with a problem body, and harms nothing."""

import pytest

from tests.system.ledger.api import Api
from tests.unit.serve.calls import problem

JSON = {"Content-Type": "application/json"}
MAX_BODY_BYTES = 8 * 1024 * 1024

BAD_BODIES = {
    "not JSON": (b"{from: alice}", "invalid_json"),
    "cut off": (b'{"from": "alice"', "invalid_json"),
    "nothing": (b"", "invalid_json"),
    "not UTF-8": (b'{"from": "\xff"}', "invalid_json"),
    "a member twice": (b'{"from":"a","from":"b","to":"c","amount":1,"currency":"EUR"}', "invalid_json"),
    "NaN": (b'{"from":"a","to":"b","amount":NaN,"currency":"EUR"}', "invalid_json"),
    "deep nesting": (b"[" * 200_000, "invalid_json"),
    "deep nesting inside": (b'{"metadata":' + b'{"a":' * 100_000, "invalid_json"),
    "a list": (b"[]", "invalid_body"),
    "members missing": (b"{}", "invalid_body"),
    "an unknown member": (b'{"from":"a","to":"b","amount":1,"currency":"EUR","fee":1}', "invalid_body"),
    "a number for an account": (b'{"from":1,"to":"b","amount":1,"currency":"EUR"}', "invalid_body"),
    "an account id with a space": (b'{"from":"a b","to":"b","amount":1,"currency":"EUR"}', "invalid_body"),
    "an account id of 65 characters": (b'{"from":"%b","to":"b","amount":1,"currency":"EUR"}' % (b"a" * 65), "invalid_body"),
    "no legs": (b'{"legs":[]}', "invalid_body"),
    "33 legs": (b'{"legs":[%b]}' % b",".join([b'{"from":"a","to":"b","amount":1,"currency":"EUR"}'] * 33), "invalid_body"),
    "an unknown currency": (b'{"from":"a","to":"b","amount":1,"currency":"EUX"}', "unknown_currency"),
    "a currency in lower case": (b'{"from":"a","to":"b","amount":1,"currency":"eur"}', "unknown_currency"),
    "an unknown mode": (b'{"from":"a","to":"b","amount":1,"currency":"EUR","mode":"later"}', "invalid_body"),
    "a time for what is not held": (b'{"from":"a","to":"b","amount":1,"currency":"EUR","expires_in_seconds":60}', "invalid_body"),
    "a hold without end": (
        b'{"from":"a","to":"b","amount":1,"currency":"EUR","mode":"hold","expires_in_seconds":0}',
        "invalid_body",
    ),
    "a condition on a stranger": (
        b'{"from":"a","to":"b","amount":1,"currency":"EUR","balance_conditions":[{"account":"c","posted":{"gte":1}}]}',
        "invalid_body",
    ),
}
BAD_AMOUNTS = [
    "1.0", "1.5", "1e2", "0", "-1", "true", "null", '"1.5"', '"-1"', '""', '"0x1"', "9007199254740992", '"9223372036854775808"',
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_malformed_payment_is_refused(api: Api, name: str) -> None:
    body, code = BAD_BODIES[name]
    problem(api.post("/v1/payments", content=body, headers=JSON | {"Idempotency-Key": api.name("bad")}), 400, code)


@pytest.mark.parametrize("amount", [*BAD_AMOUNTS, "1" * 5_000])
def test_an_amount_that_is_no_whole_number_of_minor_units_is_refused(api: Api, amount: str) -> None:
    body = f'{{"from":"a","to":"b","amount":{amount},"currency":"EUR"}}'
    problem(api.post("/v1/payments", content=body, headers=JSON | {"Idempotency-Key": api.name("bad")}), 400, "invalid_amount")


def test_a_body_above_8_mib_is_refused(api: Api) -> None:
    for path in ("/v1/payments", "/v1/payments/batch", "/v1/accounts"):
        body = b" " * (10 * 1024 * 1024)
        problem(api.post(path, content=body, headers=JSON | {"Idempotency-Key": "k"}), 413, "body_too_large")
    chunks = (b" " * 65_536 for _ in range(MAX_BODY_BYTES // 65_536 + 1))
    problem(api.post("/v1/payments/batch", content=chunks, headers=JSON), 413, "body_too_large")


def test_a_payment_without_a_proper_key_is_refused(api: Api) -> None:
    body = {"from": "a", "to": "b", "amount": 1, "currency": "EUR"}
    problem(api.post("/v1/payments", json=body), 400, "idempotency_key_required")
    for key in ("k" * 256, "with space", "\xe9"):
        problem(
            api.post("/v1/payments", json=body, headers=[(b"Idempotency-Key", key.encode("latin-1"))]),
            400,
            "invalid_idempotency_key",
        )
    twice = api.post("/v1/payments", json=body, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    problem(twice, 400, "invalid_header")


def test_a_key_of_255_characters_is_taken(api: Api) -> None:
    api.fund("alice", 1)
    body = api.leg("alice", "alice-world", 1)
    assert api.post("/v1/payments", json=body, headers={"Idempotency-Key": "k" * 255}).status_code == 201


def test_unknown_routes_and_methods_are_refused(api: Api) -> None:
    for path in ("/", "/v1", "/v1/nothing", "/v1/accounts/a/b/c", "/v2/payments", "/v1/accounts//entries"):
        problem(api.get(path), 404, "route_not_found")
    for method, path in (("DELETE", "/v1/payments"), ("PUT", "/v1/accounts/a"), ("POST", "/healthz"), ("PATCH", "/v1/accounts")):
        answer = api.request(method, path)
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"]


def test_bodies_of_another_kind_are_refused(api: Api) -> None:
    for kind in ({"Content-Type": "application/x-www-form-urlencoded"}, JSON | {"Content-Encoding": "gzip"}):
        answer = api.post("/v1/payments", content=b"{}", headers=kind | {"Idempotency-Key": "k"})
        problem(answer, 415, "unsupported_media_type")


def test_malformed_accounts_are_refused(api: Api) -> None:
    for body, code in (
        ({"currency": "XXX"}, "unknown_currency"),
        ({"id": "a/b", "currency": "EUR"}, "invalid_body"),
        ({"id": "", "currency": "EUR"}, "invalid_body"),
        ({"currency": "EUR", "min_balance": 1.5}, "invalid_amount"),
        ({"currency": "EUR", "min_balance": 5, "max_balance": 4}, "invalid_amount"),
        ({"currency": "EUR", "metadata": {"a": 1}}, "invalid_body"),
        ({"currency": "EUR", "metadata": {str(n): "" for n in range(51)}}, "invalid_body"),
    ):
        problem(api.post("/v1/accounts", json=body), 400, code)


def test_unknown_query_parameters_and_tokens_are_refused(api: Api) -> None:
    api.open("alice")
    path = f"/v1/accounts/{api.name('alice')}"
    problem(api.get(path, params={"when": "now"}), 400, "invalid_parameter")
    problem(api.get(path, headers={"Consistency-Token": "made up"}), 400, "invalid_consistency_token")


def test_an_over_long_target_or_header_is_refused(api: Api) -> None:
    assert api.get("/v1/accounts/" + "a" * 10_000).status_code == 414
    assert api.get("/healthz", headers={"X-Filler": "f" * 40_000}).status_code in (400, 431)
