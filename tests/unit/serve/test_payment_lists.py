"""Lists of payments, over the projections of a real database."""

import asyncio
import re

import httpx
import pytest

from processor.projections.projector import Projector
from serve.app import create_app
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import hold, item, operate, pay, pay_batch, problem
from tests.unit.serve.conftest import with_accounts

pytestmark = pytest.mark.anyio

Projected = tuple[RoutedLedger, Projector]


def client_of(ledger: RoutedLedger, visibility_seconds: float) -> httpx.AsyncClient:
    """Return a client of another API process, in effect: one that has acknowledged nothing yet."""
    transport = httpx.ASGITransport(create_app(ledger, visibility_seconds=visibility_seconds), raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


async def ids(client: httpx.AsyncClient, **parameters: object) -> list[str]:
    answer = await client.get("/v1/payments", params=parameters)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [payment["id"] for payment in answer.json()["data"]]


async def test_who_has_just_paid_sees_the_payment_without_a_token(projected_api: httpx.AsyncClient) -> None:
    for number in range(5):
        made = (await pay(projected_api, f"{number}", **{"from": "alice", "to": "bob", "amount": 1})).json()
        assert (await ids(projected_api, account="alice"))[0] == made["id"]


async def test_a_listed_payment_is_told_as_it_is_read(projected_api: httpx.AsyncClient) -> None:
    api = projected_api
    legs = [{"from": "alice", "to": to, "amount": 5, "currency": "EUR"} for to in ("bob", "world")]
    await pay(api, "1", legs=legs, metadata={"a": "1"}, reference="r")
    held = (await hold(api, "2", 20)).json()["id"]
    await operate(api, held, "capture", "c", amount=8, final=False)
    await operate(api, held, "refunds", "d", amount=3)
    listed = (await api.get("/v1/payments")).json()["data"]
    assert [payment["status"] for payment in listed] == ["held", "succeeded", "succeeded"]
    for payment in listed:
        assert (await api.get(f"/v1/payments/{payment['id']}")).json() == payment


async def test_filters_choose_payments(projected_api: httpx.AsyncClient) -> None:
    api = projected_api
    funding = (await ids(api))[0]
    one = (await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 30, "reference": "r 1"})).json()
    two = (await pay(api, "2", **{"from": "bob", "to": "world", "amount": 7, "metadata": {"a": "1", "b[c]": "2"}})).json()
    refunded = (await pay(api, "3", **{"from": "alice", "to": "world", "amount": 9, "metadata": {"a": "1"}})).json()
    await operate(api, refunded["id"], "refunds", "r")
    first, second, third = one["id"], two["id"], refunded["id"]
    assert await ids(api) == [third, second, first, funding]
    assert await ids(api, account="bob") == [second, first]
    assert await ids(api, account="nobody") == []
    assert await ids(api, status="refunded") == [third]
    assert await ids(api, reference="r 1") == [first]
    assert await ids(api, currency="USD") == []
    assert await ids(api, **{"amount[gte]": 9, "amount[lte]": 30}) == [third, first]
    assert await ids(api, **{"created[gte]": two["created_at"]}) == [third, second]
    assert await ids(api, **{"created[lt]": two["created_at"]}) == [first, funding]
    assert await ids(api, **{"metadata[a]": "1"}) == [third, second]
    assert await ids(api, **{"metadata[a]": "1", "metadata[b[c]]": "2"}) == [second]
    assert await ids(api, account="alice", status="succeeded", **{"amount[lte]": 30}) == [first]


async def test_pages_follow_each_other_whatever_is_paid_meanwhile(projected_api: httpx.AsyncClient) -> None:
    api = projected_api
    await pay_batch(api, *(item(f"{number}") for number in range(7)))
    expected, seen, cursor = await ids(api, account="bob"), [], ""
    while True:
        page = (
            await api.get("/v1/payments", params={"account": "bob", "limit": "3", **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [payment["id"] for payment in page["data"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
        await pay(api, f"later {len(seen)}", **{"from": "alice", "to": "bob", "amount": 1})
    assert seen == expected
    foreign = {"account": "alice", "limit": "3", "cursor": cursor}
    problem(await api.get("/v1/payments", params=foreign), 400, "invalid_parameter")
    problem(await api.get("/v1/payments?cursor=!"), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "query",
    [
        "account=a%20b", "status=lost", "currency=eur", "currency=XXX", "created[gte]=yesterday", "created[lt]=2026-01-01",
        "amount[gte]=-1", "amount[gte]=1.5", "amount[lte]=9223372036854775808", "limit=0", "metadata=x", "metadata[]=x",
        "created[gt]=2026-01-01T00:00:00Z", "surprise=1", "status=held&status=held", f"metadata[{'k' * 65}]=x",
        f"metadata[k]={'v' * 501}", f"reference={'r' * 256}", "reference=%00",
    ],
)  # fmt: skip
async def test_a_filter_that_none_can_fulfil_is_refused(api: httpx.AsyncClient, query: str) -> None:
    body = problem(await api.get(f"/v1/payments?{query}"), 400, "invalid_parameter")
    named, _, _ = body["errors"][0]["parameter"].partition("[")
    assert re.match(r"\w+", query)[0] == named  # type: ignore[index]


async def test_a_list_with_a_token_waits_for_it_or_says_so(projected: Projected) -> None:
    ledger, projector = projected
    async with client_of(ledger, 0.05) as api:
        await with_accounts(api)
        made = await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1})
        token = {"Consistency-Token": made.headers["consistency-token"]}
        problem(await api.get("/v1/payments", headers=token), 503, "not_yet_visible")
        # Without a token the list is told as far as it is known once the wait is over.
        assert await ids(api) == []
        await projector.catch_up()
        answer = await api.get("/v1/payments", headers=token)
        assert answer.json()["data"][0]["id"] == made.json()["id"]
        again = await api.get("/v1/payments", headers={"Consistency-Token": answer.headers["consistency-token"]})
        assert again.json() == answer.json()


async def test_a_list_waits_until_what_was_acknowledged_is_in_it(projected: Projected) -> None:
    ledger, projector = projected
    async with client_of(ledger, 20.0) as api:
        await with_accounts(api)
        made = (await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1})).json()
        listing = asyncio.create_task(ids(api, account="bob"))
        await projector.catch_up()
        assert await listing == [made["id"]]


async def test_without_projections_lists_are_503_and_payments_go_on(api: httpx.AsyncClient) -> None:
    made = await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1})
    assert made.status_code == 201
    answer = await api.get("/v1/payments")
    assert problem(answer, 503, "reads_unavailable")["retryable"] is True
    assert answer.headers["retry-after"] == "1"
    assert (await api.get(f"/v1/payments/{made.json()['id']}")).status_code == 200


async def test_the_lag_of_lists_is_measured(projected: Projected) -> None:
    ledger, projector = projected
    async with client_of(ledger, 0.05) as api:
        await with_accounts(api)
        lines = [
            line for line in (await api.get("/metrics")).text.splitlines() if line.startswith("payments_projection_lag_records")
        ]
        assert len(lines) == ledger.shards and sum(float(line.split()[-1]) for line in lines) > 0
        await projector.catch_up()
        text = (await api.get("/metrics")).text
        assert all(f'payments_projection_lag_{name}{{shard="0"}} 0.0' in text for name in ("records", "seconds"))
