"""What holds for every route: paths, methods, headers, bodies and their limits."""

from collections.abc import AsyncIterator

import httpx
import pytest

from serve.app import create_app
from serve.limits import BODY_BYTES_MAX
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import problem, raw_call

pytestmark = pytest.mark.anyio

PAYMENT = b'{"from":"alice","to":"bob","amount":1,"currency":"EUR"}'
KEY = {"Idempotency-Key": "1"}


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/", "/v2/payments", "/v1/payments/", "/v1/accounts/", "/v1/accounts/alice/", "/v1/accounts//freeze",
     "/v1/accounts/alice/freeze/", "/v1/accounts/alice/entries/1", "/v1/accounts/alice/thaw", "/V1/payments", "//v1/payments",
     "/v1/accounts/a%2Fentries/x", "/v1/shards/1", "/favicon.ico"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_404(api: httpx.AsyncClient, method: str, path: str) -> None:
    problem(await api.request(method, f"http://127.0.0.1:8000{path}"), 404, "route_not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/payments", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/v1/payments/batch", "OPTIONS, POST"),
        ("DELETE", "/v1/accounts/alice", "GET, HEAD, OPTIONS"),
        ("POST", "/v1/accounts/alice", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/accounts/alice/freeze", "OPTIONS, POST"),
        ("PATCH", "/healthz", "GET, HEAD, OPTIONS"),
        ("BREW", "/docs", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_known_path_with_another_method_is_405(api: httpx.AsyncClient, method: str, path: str, allowed: str) -> None:
    answer = await api.request(method, path)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


async def test_options_tells_the_methods(api: httpx.AsyncClient) -> None:
    answer = await api.options("/v1/payments")
    assert (answer.status_code, answer.content, answer.headers["allow"]) == (204, b"", "GET, HEAD, OPTIONS, POST")
    assert "content-length" not in answer.headers


async def test_head_answers_as_get_does_without_the_body(api: httpx.AsyncClient) -> None:
    head, get = await api.head("/v1/accounts/alice"), await api.get("/v1/accounts/alice")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))
    assert (await api.head("/v1/accounts/nobody")).status_code == 404


@pytest.mark.parametrize("path", ["/v1/accounts/alice", "/v1/payments", "/v1/ledger/totals", "/healthz", "/docs"])
async def test_an_unknown_query_parameter_is_refused(api: httpx.AsyncClient, path: str) -> None:
    method = "POST" if path == "/v1/payments" else "GET"
    body = problem(await api.request(method, f"{path}?verbose=1"), 400, "invalid_parameter")
    assert body["errors"][0]["parameter"] == "verbose"


@pytest.mark.parametrize("query", ["at=%ff", "%ff=1", "=", "&", "at"])
async def test_a_broken_query_is_refused(api: httpx.AsyncClient, query: str) -> None:
    problem(await api.get(f"/v1/accounts/alice?{query}"), 400, "invalid_parameter")


@pytest.mark.parametrize("header", ["Request-Id", "X-Request-Id"])
@pytest.mark.parametrize("value", ["a", "0af7651916cd43dd8448eb211c80319c", "x" * 64, "{}!~"])
async def test_a_sane_request_id_is_echoed(api: httpx.AsyncClient, header: str, value: str) -> None:
    assert (await api.get("/healthz", headers={header: value})).headers["request-id"] == value
    body = problem(await api.get("/nowhere", headers={header: value}), 404, "route_not_found")
    assert body["request_id"] == value


@pytest.mark.parametrize("value", [b"", b"x" * 65, b"a b", b"\xe4", b"a\tb"])
async def test_another_request_id_is_replaced_by_one_of_ours(api: httpx.AsyncClient, value: bytes) -> None:
    ids = [(await api.get("/healthz", headers={b"X-Request-Id": value})).headers["request-id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(name.startswith("req_") for name in ids)


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"', ""])
async def test_json_or_no_content_type_is_taken(api: httpx.AsyncClient, kind: str) -> None:
    headers = {**KEY, "Content-Type": kind} if kind else KEY
    assert (await api.post("/v1/payments", content=PAYMENT, headers=headers)).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/jsonx", "application/json; charset=latin-1", "multipart/form", ""])
async def test_another_content_type_is_refused(api: httpx.AsyncClient, kind: str) -> None:
    answer = await api.post("/v1/payments", content=PAYMENT, headers={**KEY, "Content-Type": kind})
    problem(answer, 415, "unsupported_media_type")


async def test_a_compressed_body_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/payments", content=PAYMENT, headers={**KEY, "Content-Encoding": "gzip"})
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"nul", b"{'from':1}", b'{"from":"alice",}', PAYMENT + b"x", PAYMENT + PAYMENT,
        b"\xef\xbb\xbf" + PAYMENT,
        PAYMENT.replace(b"alice", b"\xff"), PAYMENT.replace(b"alice", b"\xed\xa0\x80"), PAYMENT.replace(b"alice", b"\\ud800"),
        PAYMENT.replace(b"alice", b"al\x00ice"), PAYMENT.replace(b"alice", b"al\\u0000ice"), PAYMENT.replace(b":1,", b":NaN,"),
        PAYMENT.replace(b'"to"', b'"from"'), PAYMENT[:-1] + b',"\\u0061mount":1}', b"[" * 1_000_000, b'{"x":' * 100_000,
        PAYMENT[:-1] + b',"metadata":{"a":"1","a":"1"}}', PAYMENT[:-1] + b',"metadata":{"a":"\\\\\\u0000"}}',
        PAYMENT[:-1] + b',"reference":null,"reference":null}', PAYMENT[:-1] + b',"metadata":' + b'{"a":' * 5000,
    ],
)  # fmt: skip
async def test_what_is_not_strict_json_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    problem(await api.post("/v1/payments", content=body, headers=KEY), 400, "invalid_json")


async def test_an_escaped_backslash_before_u0000_is_no_nul(api: httpx.AsyncClient) -> None:
    body = PAYMENT[:-1] + b',"reference":"\\\\u0000"}'
    assert (await api.post("/v1/payments", content=body, headers=KEY)).json()["reference"] == "\\u0000"


async def test_an_announced_body_that_is_too_large_is_refused_unread(ledger: RoutedLedger) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    headers = [(b"content-length", str(BODY_BYTES_MAX + 1).encode()), (b"idempotency-key", b"1")]
    status, body, taken = await raw_call(create_app(ledger), "POST", "/v1/payments", chunks(), headers)
    assert (status, taken) == (413, 0)
    assert b"body_too_large" in body


async def test_an_endless_body_is_refused_as_soon_as_it_is_too_large(ledger: RoutedLedger) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536

    status, body, taken = await raw_call(create_app(ledger), "POST", "/v1/payments", endless(), [(b"idempotency-key", b"1")])
    assert (status, taken) == (413, BODY_BYTES_MAX // 65_536 + 1)
    assert b"body_too_large" in body


async def test_a_body_may_have_8_mib_and_come_in_pieces(api: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield PAYMENT[:20]
        yield PAYMENT[20:]
        for _ in range((BODY_BYTES_MAX - len(PAYMENT)) // 1024):
            yield b" " * 1024

    assert (await api.post("/v1/payments", content=pieces(), headers=KEY)).status_code == 201


@pytest.mark.parametrize("headers", [[(f"x-{n}", "") for n in range(101)], [("x-large", "v" * 33_000)], [("x", "v" * 9_000)] * 4])
async def test_too_many_or_too_large_headers_are_refused(api: httpx.AsyncClient, headers: list[tuple[str, str]]) -> None:
    problem(await api.get("/healthz", headers=headers), 431, "headers_too_large")


async def test_a_path_that_is_too_long_is_refused(api: httpx.AsyncClient) -> None:
    problem(await api.get("/v1/accounts/" + "a" * 9_000), 414, "target_too_long")


@pytest.mark.parametrize("name", ["Idempotency-Key", "Content-Type", "Consistency-Token"])
async def test_a_header_that_means_one_thing_is_given_once(api: httpx.AsyncClient, name: str) -> None:
    answer = await api.post("/v1/payments", content=PAYMENT, headers=[(name, "application/json"), (name, "application/json")])
    problem(answer, 400, "invalid_header")


async def test_answers_are_neither_stored_nor_guessed_at(api: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/v1/accounts/alice", "/nowhere"):
        headers = (await api.get(path)).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_health_readiness_and_shards_are_told(api: httpx.AsyncClient) -> None:
    assert (await api.get("/healthz")).json() == {"status": "ok"}
    assert (await api.get("/readyz")).json() == {"status": "ready"}
    assert (await api.get("/startedz")).json() == {"status": "ok"}
    shards = (await api.get("/v1/shards")).json()["data"]
    assert [shard["shard"] for shard in shards] == [0, 1, 2, 3]
    assert set(shards[0]) == {
        "shard", "host", "actor", "pid", "epoch", "sequence", "queue_length", "commit_p50_ms", "commit_p99_ms",
    }  # fmt: skip


async def test_the_trial_balance_is_zero_and_counts_accounts(api: httpx.AsyncClient) -> None:
    await api.post("/v1/accounts", json={"id": "yen", "currency": "JPY"})
    totals = (await api.get("/v1/ledger/totals")).json()
    assert totals["currencies"] == {
        "EUR": {"posted": 0, "in_transit": 0, "accounts": 3},
        "JPY": {"posted": 0, "in_transit": 0, "accounts": 1},
    }
    assert [position["shard"] for position in totals["as_of"]] == [0, 1, 2, 3]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_web_page_of_another_site_cannot_post(api: httpx.AsyncClient, site: str) -> None:
    answer = await api.post("/v1/accounts", json={"currency": "EUR"}, headers={"Sec-Fetch-Site": site})
    problem(answer, 403, "cross_site_request")
