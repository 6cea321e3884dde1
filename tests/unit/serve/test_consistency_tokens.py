"""Consistency tokens: what was seen is never unseen."""

from base64 import urlsafe_b64encode
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.core.messages import ReadAccount
from processor.core.routing import shard_of
from serve.consistency import newest, seen_by_client, token_header
from serve.ledger import Ledger
from serve.metrics import Metrics
from serve.routed_ledger import RoutedLedger
from serve.site import Site
from serve.submissions import Submissions
from serve.wire.problems import Problem
from serve.wire.request import Request
from tests.unit.serve.calls import item, pay, pay_batch, problem
from tests.unit.serve.running_ledger import SHARDS

ONE = {"from": "alice", "to": "bob", "amount": 1}
READS = ["/v1/accounts/bob", "/v1/accounts/bob/entries", "/v1/ledger/totals"]


def token(*positions: tuple[int, int]) -> str:
    return token_header(positions)[1].decode()


@pytest.mark.anyio
@pytest.mark.parametrize("path", READS)
async def test_a_read_with_a_payments_token_shows_its_effect(api: httpx.AsyncClient, path: str) -> None:
    made = await pay(api, "1", **ONE)
    read = await api.get(path, headers={"Consistency-Token": made.headers["consistency-token"]})
    assert read.status_code == 200
    assert "consistency-token" in read.headers


@pytest.mark.anyio
async def test_a_read_of_the_payment_itself_takes_later_tokens(api: httpx.AsyncClient) -> None:
    first = (await pay(api, "1", **ONE)).json()
    later = (await pay(api, "2", **ONE)).headers["consistency-token"]
    assert (await api.get(f"/v1/payments/{first['id']}", headers={"Consistency-Token": later})).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize("path", READS)
async def test_a_state_that_does_not_come_in_time_is_503(api: httpx.AsyncClient, path: str) -> None:
    headers = {"Consistency-Token": token((shard_of("bob", SHARDS), 1_000_000))}
    answer = await api.get(path, headers=headers)
    assert problem(answer, 503, "not_yet_visible")["retryable"] is True
    assert answer.headers["retry-after"] == "1"


@pytest.mark.anyio
async def test_a_read_waits_for_the_state_of_its_token(api: httpx.AsyncClient, ledger: RoutedLedger) -> None:
    shard = shard_of("bob", SHARDS)
    head = (await ledger.ask(ReadAccount(shard, "bob"))).sequence  # type: ignore[union-attr]
    # The first read makes the state that the second waits for: reads of an account do not append, so a payment does.
    original = ledger.ask
    asked = []

    async def ask(message: Any) -> Any:
        asked.append(message)
        answer = await original(message)
        if len(asked) == 1:
            assert (await pay(api, "later", **ONE)).status_code == 201
        return answer

    ledger.ask = ask  # type: ignore[method-assign]
    read = await api.get("/v1/accounts/bob", headers={"Consistency-Token": token((shard, head + 1))})
    assert (read.status_code, read.json()["posted"]) == (200, 1)


@pytest.mark.anyio
async def test_a_token_of_another_shard_holds_nothing_up(api: httpx.AsyncClient) -> None:
    other = (shard_of("bob", SHARDS) + 1) % SHARDS
    assert (await api.get("/v1/accounts/bob", headers={"Consistency-Token": token((other, 1_000_000))})).status_code == 200


@pytest.mark.anyio
async def test_a_batchs_token_names_every_shard_that_it_touched(api: httpx.AsyncClient, ledger: RoutedLedger) -> None:
    answer = await pay_batch(api, item("1"), item("2", **{"from": "world"}), item("3"))
    shards = {shard_of(account, SHARDS) for account in ("alice", "world", "bob")}
    seen = seen_by_client(_request({b"consistency-token": answer.headers["consistency-token"].encode()}, ledger))
    assert shards <= seen.keys()
    for account in ("alice", "world", "bob"):
        read = (await api.get(f"/v1/accounts/{account}")).json()["as_of"]
        assert seen[read["shard"]] <= read["sequence"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "text",
    [
        "", "x", "!!!!", "kZIAAg=", "kZIAA g", "é", "A" * 30_000,
        token((SHARDS, 1)), token((-1, 1)), token((0, -1)), token((0, 2**63)),
        urlsafe_b64encode(msgspec.msgpack.encode([])).decode(), urlsafe_b64encode(msgspec.msgpack.encode({"a": 1})).decode(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [*READS, "/v1/payments/pay_1K0VB1G4ZXC000000000030000"])
async def test_a_malformed_token_is_refused(api: httpx.AsyncClient, path: str, text: str) -> None:
    problem(await api.get(path, headers={b"Consistency-Token": text.encode()}), 400, "invalid_consistency_token")


class _Shards:
    shards = SHARDS


def _request(headers: dict[bytes, bytes], ledger: Ledger | _Shards) -> Request:
    site = Site(ledger, Submissions(), Metrics())  # type: ignore[arg-type]
    scope = {"headers": list(headers.items()), "path": "/", "query_string": b""}
    return Request(scope, None, site)  # type: ignore[arg-type]


positions = st.lists(st.tuples(st.integers(0, SHARDS - 1), st.integers(0, 2**63 - 1)), min_size=1, max_size=20)


@settings(deadline=None)
@given(positions)
def test_a_token_says_what_it_was_made_of(pairs: list[tuple[int, int]]) -> None:
    seen = seen_by_client(_request(dict([token_header(pairs)]), _Shards()))
    assert seen == {shard: max(sequence for other, sequence in pairs if other == shard) for shard, _ in pairs}
    assert list(seen.items()) == newest(pairs)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_no_bytes_crash_the_reading_of_a_token(data: bytes) -> None:
    try:
        seen = seen_by_client(_request({b"consistency-token": data}, _Shards()))
    except Problem as refused:
        assert refused.code == "invalid_consistency_token"
    else:
        assert all(0 <= shard < SHARDS and sequence >= 0 for shard, sequence in seen.items())
