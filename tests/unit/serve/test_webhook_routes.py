"""What clients do with webhooks over HTTP; the database is a real one."""

import asyncio
import re
from base64 import b64decode

import httpx
import msgspec
import pytest

from processor.bridges.webhooks.endpoint_table import ENDPOINTS_MAX
from serve.documentation.openapi import openapi_document
from serve.routes.table import route_table
from tests.unit.serve.calls import pointers, problem
from tests.unit.serve.test_openapi_document import validator
from tests.unit.serve.webhook_bench import Bench

pytestmark = pytest.mark.anyio
URL = "https://hooks.example.com/payments"
SECRETLESS = {
    "id", "url", "types", "accounts", "description", "status", "disabled_reason", "created_at", "waiting",
    "previous_secret_until", "redelivery",
}  # fmt: skip


@pytest.fixture
async def bench(database_url: str, projected_api: httpx.AsyncClient) -> Bench:
    return Bench(database_url, projected_api)


async def test_a_webhook_is_registered_read_changed_and_deleted(bench: Bench) -> None:
    api = bench.api
    answer = await api.post("/v1/webhooks", json={"url": URL, "types": ["payment.*", "account.opened"], "description": "shop"})
    created = answer.json()
    assert answer.status_code == 201
    path = answer.headers["location"]
    assert path == f"/v1/webhooks/{created['id']}"
    assert re.fullmatch(r"we_[a-z2-7]{16}", created["id"])
    assert len(b64decode(created.pop("secret").removeprefix("whsec_"), validate=True)) == 32
    assert (created["status"], created["types"], created["accounts"]) == ("enabled", ["payment.*", "account.opened"], None)
    read = await api.get(path)
    assert read.json() == created
    assert created.keys() == SECRETLESS, "no answer but the first shows the secret"
    changed = (await api.post(path, json={"accounts": ["bob", "alice", "bob"], "description": None, "status": "disabled"})).json()
    assert (changed["accounts"], changed["description"]) == (["alice", "bob"], None)
    assert (changed["status"], changed["disabled_reason"], changed["url"]) == ("disabled", "on request", URL)
    again = (await api.post(path, json={"status": "enabled", "accounts": None})).json()
    assert (again["status"], again["disabled_reason"], again["accounts"]) == ("enabled", None, None)
    assert [webhook["id"] for webhook in (await api.get("/v1/webhooks")).json()["data"]] == [created["id"]]
    deleted = await api.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    for method, verb in (("GET", ""), ("POST", "/rotate"), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/test")):
        problem(await api.request(method, path + verb), 404, "webhook_not_found")
    assert (await api.get("/v1/webhooks")).json() == {"data": [], "has_more": False, "next_cursor": None}


async def test_only_so_many_may_be_registered_and_pages_show_each_once(bench: Bench) -> None:
    made = [(await bench.register(f"{URL}/{number}"))["id"] for number in range(ENDPOINTS_MAX)]
    problem(await bench.api.post("/v1/webhooks", json={"url": URL}), 409, "too_many_webhooks")
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await bench.api.get("/v1/webhooks?limit=20" + cursor)).json()
        seen += [webhook["id"] for webhook in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]
    await bench.api.delete(f"/v1/webhooks/{made[0]}")
    await bench.register(URL)


async def test_the_same_asked_again_is_told_apart_from_another(bench: Bench) -> None:
    first = await bench.register(URL, types=["payment.*"])
    body = problem(await bench.api.post("/v1/webhooks", json={"url": URL, "types": ["payment.*"]}), 409, "webhook_exists")
    assert first["id"] in body["detail"]
    await bench.register(URL, types=["account.*"])
    await bench.register(URL, types=["payment.*"], accounts=["alice"])
    at_once = await asyncio.gather(*(bench.api.post("/v1/webhooks", json={"url": URL}) for _ in range(5)))
    assert sorted(answer.status_code for answer in at_once) == [201, 409, 409, 409, 409]


REFUSED: list[tuple[dict[str, object], str, str]] = [
    ({}, "invalid_body", "/url"),
    ({"url": ""}, "invalid_body", "/url"),
    ({"url": "https://a.example/" + "a" * 2048}, "invalid_body", "/url"),
    ({"url": URL, "types": ["payment"]}, "invalid_body", "/types/0"),
    ({"url": URL, "types": ["account.*", "payment.exploded"]}, "invalid_body", "/types/1"),
    ({"url": URL, "types": ["pay*"]}, "invalid_body", "/types/0"),
    ({"url": URL, "types": ["payment.*"] * 51}, "invalid_body", "/types"),
    ({"url": URL, "accounts": []}, "invalid_body", "/accounts"),
    ({"url": URL, "accounts": ["not an id"]}, "invalid_body", "/accounts/0"),
    ({"url": URL, "description": "x" * 501}, "invalid_body", "/description"),
    ({"url": "http://hooks.example.com/"}, "webhook_url_refused", "/url"),
    ({"url": "https://10.0.0.1/"}, "webhook_url_refused", "/url"),
    ({"url": "https://user@hooks.example.com/"}, "webhook_url_refused", "/url"),
]


async def test_what_cannot_be_registered_cannot_be_changed_to_either_and_is_told(bench: Bench) -> None:
    webhook = await bench.register(URL)
    path = f"/v1/webhooks/{webhook['id']}"
    for body, code, pointer in REFUSED:
        for target in ("/v1/webhooks", path) if body else ("/v1/webhooks",):
            answer = await bench.api.post(target, json=body)
            assert pointers(problem(answer, 400 if code == "invalid_body" else 422, code)) == [pointer], body
    for target in ("/v1/webhooks", path):
        problem(await bench.api.post(target, json={"url": URL, "secret": "mine"}), 400, "invalid_body")
    assert (await bench.api.get("/v1/webhooks")).json()["data"] == [
        {name: value for name, value in webhook.items() if name != "secret"}
    ]


async def test_a_new_secret_is_shown_once_and_the_old_one_lasts_a_while(bench: Bench) -> None:
    webhook = await bench.register(URL)
    path = f"/v1/webhooks/{webhook['id']}"
    rotated = (await bench.api.post(path + "/rotate")).json()
    assert rotated["secret"] != webhook["secret"]
    assert rotated["previous_secret_until"] > rotated["created_at"]
    assert (await bench.api.get(path)).json() == {name: value for name, value in rotated.items() if name != "secret"}
    at_once = (await bench.api.post(path + "/rotate", json={"previous_valid_seconds": 0})).json()
    assert at_once["previous_secret_until"] is None
    problem(await bench.api.post(path + "/rotate", json={"previous_valid_seconds": 604_801}), 400, "invalid_body")


async def test_what_may_be_asked_to_be_sent_again(bench: Bench) -> None:
    webhook = await bench.register(URL)
    path = f"/v1/webhooks/{webhook['id']}/deliveries/redeliver"
    for body, pointer in (
        ({}, ""),
        ({"deliveries": ["x"], "since": "2026-01-01T00:00:00Z"}, ""),
        ({"deliveries": []}, "/deliveries"),
        ({"deliveries": ["msg_x"]}, "/deliveries/0"),
        ({"deliveries": [f"msg_{'a' * 16}_{'0' * 26}"]}, "/deliveries/0"),
        ({"deliveries": ["x"], "only_failed": True}, "/only_failed"),
        ({"since": "2026-01-01T00:00:00Z", "after": "1.0"}, ""),
        ({"after": "1.0.0.0"}, "/after"),
        ({"since": "yesterday"}, "/since"),
        ({"since": "2026-01-01T00:00:00"}, "/since"),
    ):
        assert pointers(problem(await bench.api.post(path, json=body), 400, "invalid_body")) == [pointer]
    unknown = f"msg_{webhook['id'].removeprefix('we_')}_{'0' * 26}"
    answer = await bench.api.post(path, json={"deliveries": [unknown]})
    assert (answer.status_code, answer.json()) == (202, {"queued": 0, "redelivery": None})
    asked = await bench.api.post(path, json={"since": "2026-01-01T01:00:00+01:00", "only_failed": True})
    assert asked.status_code == 202
    redelivery = asked.json()["redelivery"]
    assert (redelivery["since"], redelivery["only_failed"], redelivery["queued"]) == ("2026-01-01T00:00:00.000000Z", True, 0)
    assert (await bench.api.get(f"/v1/webhooks/{webhook['id']}")).json()["redelivery"] == redelivery
    problem(await bench.api.post(path, json={"since": "2026-01-01T00:00:00Z"}), 409, "redelivery_under_way")
    await bench.api.post(f"/v1/webhooks/{webhook['id']}", json={"status": "disabled"})
    for verb, body in (("/deliveries/redeliver", {"deliveries": [unknown]}), ("/test", {})):
        problem(await bench.api.post(f"/v1/webhooks/{webhook['id']}{verb}", json=body), 409, "webhook_disabled")


async def test_the_log_is_read_with_a_status_and_in_pages(bench: Bench) -> None:
    webhook = await bench.register(URL)
    path = f"/v1/webhooks/{webhook['id']}"
    tests = [(await bench.api.post(path + "/test")).json()["id"] for _ in range(5)]
    first = (await bench.api.get(path + "/deliveries?limit=3&status=pending")).json()
    second = (await bench.api.get(f"{path}/deliveries?limit=3&status=pending&cursor={first['next_cursor']}")).json()
    assert [delivery["id"] for delivery in first["data"] + second["data"]] == tests[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert first["data"][0] | {"id": "", "event_at": "", "queued_at": "", "next_attempt_at": ""} == {
        "id": "", "event": None, "type": "webhook.test", "event_at": "", "status": "pending", "attempts": 0, "queued_at": "",
        "next_attempt_at": "", "finished_at": None, "log": [],
    }  # fmt: skip
    assert await bench.deliveries(webhook, "?status=failed") == []
    for query in ("?status=lost", "?cursor=x", f"?status=failed&cursor={first['next_cursor']}", "?limit=101"):
        problem(await bench.api.get(path + "/deliveries" + query), 400, "invalid_parameter")


async def test_every_answer_is_as_described(bench: Bench) -> None:
    document = msgspec.json.decode(msgspec.json.encode(openapi_document(route_table())))
    identity = (await bench.register(URL, types=["payment.*"], accounts=["alice"]))["id"]
    for method, path, body in (
        ("post", "/v1/webhooks", {"url": URL}),
        ("post", "/v1/webhooks", {"url": URL}),
        ("get", "/v1/webhooks", None),
        ("get", "/v1/webhooks/{id}", None),
        ("post", "/v1/webhooks/{id}", {"description": "shop"}),
        ("post", "/v1/webhooks/{id}/rotate", {}),
        ("post", "/v1/webhooks/{id}/test", None),
        ("get", "/v1/webhooks/{id}/deliveries", None),
        ("post", "/v1/webhooks/{id}/deliveries/redeliver", {"since": "2026-01-01T00:00:00Z"}),
        ("post", "/v1/webhooks/{id}/deliveries/redeliver", {"since": "2026-01-01T00:00:00Z"}),
        ("get", "/v1/webhooks/{id}", None),
        ("delete", "/v1/webhooks/{id}", None),
    ):
        answer = await bench.api.request(method, path.replace("{id}", identity), json=body)
        described = document["paths"][path][method]["responses"][str(answer.status_code)]
        assert {name.lower() for name in described["headers"]} <= answer.headers.keys()
        if answer.content:
            schema = described["content"][answer.headers["content-type"]]["schema"]
            validator(document, schema).validate(answer.json())


async def test_other_sites_pages_cannot_delete_a_webhook(bench: Bench) -> None:
    webhook = await bench.register(URL)
    answer = await bench.api.delete(f"/v1/webhooks/{webhook['id']}", headers={"Sec-Fetch-Site": "cross-site"})
    problem(answer, 403, "cross_site_request")
    assert len((await bench.api.get("/v1/webhooks")).json()["data"]) == 1


async def test_without_the_database_the_answer_is_to_come_again(api: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", "/v1/webhooks"),
        ("GET", "/v1/webhooks/x"),
        ("DELETE", "/v1/webhooks/x"),
        ("POST", "/v1/webhooks/x/test"),
    ):
        answer = await api.request(method, path)
        problem(answer, 503, "webhooks_unavailable")
        assert answer.headers["retry-after"] == "1"
