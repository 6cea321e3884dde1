"""An account's past: entries, balances of an instant, statements."""

import csv
import io
from typing import Any

import httpx
import pytest

from processor.projections.projector import Projector
from serve.app import create_app
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import balance, hold, item, operate, pay, pay_batch, problem
from tests.unit.serve.conftest import with_accounts

pytestmark = pytest.mark.anyio

Projected = tuple[RoutedLedger, Projector]


async def pages(client: httpx.AsyncClient, path: str, limit: int, **parameters: str) -> list[dict[str, Any]]:
    """Return what all pages hold, one after the other."""
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        asked = {"limit": str(limit), **parameters, **({} if cursor is None else {"cursor": cursor})}
        answer = await client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen += page["data"]
        assert page["has_more"] is (page["next_cursor"] is not None)
        assert len(page["data"]) == limit or not page["has_more"]
        cursor = page["next_cursor"]
        if cursor is None:
            return seen


async def a_busy_week(api: httpx.AsyncClient) -> list[tuple[str, str, int, int]]:
    """Let much happen to alice; return the lines that this makes, newest first."""
    first = (await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 30})).json()["id"]
    await operate(api, first, "refunds", "r", amount=10)
    held = (await hold(api, "2", 50)).json()["id"]
    await operate(api, held, "capture", "c", amount=20, final=False)
    await operate(api, held, "void", None)
    await operate(api, held, "reversal", "x", reason="mistake")
    await pay_batch(api, *(item(f"b{number}") for number in range(5)))
    return [
        *(("payment", "debit", 1, posted) for posted in range(975, 980)),
        ("reversal", "credit", 20, 980), ("capture", "debit", 20, 960), ("refund", "credit", 10, 980),
        ("payment", "debit", 30, 970), ("payment", "credit", 1000, 1000),
    ]  # fmt: skip


def lines_of(entries: list[dict[str, Any]]) -> list[tuple[str, str, int, int]]:
    return [(entry["kind"], entry["direction"], entry["amount"], entry["posted_after"]) for entry in entries]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_entries_are_listed_newest_first_without_projections(api: httpx.AsyncClient, limit: int) -> None:
    expected = await a_busy_week(api)
    entries = await pages(api, "/v1/accounts/alice/entries", limit)
    assert lines_of(entries) == expected
    for entry in entries:
        assert (await api.get(f"/v1/payments/{entry['payment_id']}")).status_code == 200


@pytest.mark.parametrize("projected_after", ["nothing", "some", "all"])
async def test_entries_are_exact_wherever_the_projections_are(projected: Projected, projected_after: str) -> None:
    ledger, projector = projected
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(ledger)), base_url="http://127.0.0.1") as api:
        await with_accounts(api)
        if projected_after == "some":
            await pay_batch(api, item("s1"), item("s2"))
            await projector.catch_up()
            before = [("payment", "debit", 1, posted) for posted in (998, 999)]
            expected = [(kind, side, amount, posted - 2) for kind, side, amount, posted in (await a_busy_week(api))[:-1]]
            expected += [*before, ("payment", "credit", 1000, 1000)]
        else:
            expected = await a_busy_week(api)
        if projected_after == "all":
            await projector.catch_up()
        for limit in (1, 3, 4, 100):
            assert lines_of(await pages(api, "/v1/accounts/alice/entries", limit)) == expected


async def test_pages_of_entries_go_on_while_the_projections_catch_up(projected: Projected) -> None:
    ledger, projector = projected
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(ledger)), base_url="http://127.0.0.1") as api:
        await with_accounts(api)
        expected = await a_busy_week(api)
        first = (await api.get("/v1/accounts/alice/entries?limit=2")).json()
        await projector.catch_up()
        rest = (await api.get("/v1/accounts/alice/entries", params={"limit": "100", "cursor": first["next_cursor"]})).json()
        assert lines_of(first["data"] + rest["data"]) == expected


async def test_a_cursor_of_another_accounts_entries_is_refused(api: httpx.AsyncClient) -> None:
    await a_busy_week(api)
    cursor = (await api.get("/v1/accounts/bob/entries?limit=1")).json()["next_cursor"]
    await api.post("/v1/accounts", json={"id": "idle", "currency": "EUR"})
    for account in ("idle", "world"):
        answer = await api.get(f"/v1/accounts/{account}/entries", params={"cursor": cursor})
        assert answer.status_code in (200, 400), answer.text
        assert answer.status_code == 400 or all(entry["posted_after"] < 0 for entry in answer.json()["data"])


async def test_balances_of_an_instant_are_told_with_what_was_reserved_then(projected_api: httpx.AsyncClient) -> None:
    api = projected_api
    instants: list[tuple[str, dict[str, Any]]] = []

    async def note(at: str) -> None:
        account = (await api.get("/v1/accounts/bob")).json()
        instants.append((at, {name: account[name] for name in ("posted", "pending_in", "pending_out", "available")}))

    await note((await api.get("/v1/accounts/bob")).json()["created_at"])
    await note((await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 10})).json()["created_at"])
    held = (await hold(api, "2", 20)).json()
    await note(held["created_at"])
    outgoing = (await pay(api, "3", **{"from": "bob", "to": "world", "amount": 4, "mode": "hold"})).json()
    await note(outgoing["created_at"])
    await note((await operate(api, held["id"], "capture", "c", amount=5)).json()["operation"]["created_at"])
    await note((await operate(api, outgoing["id"], "void", None)).json()["operation"]["created_at"])
    assert [balances["pending_in"] for _, balances in instants] == [0, 0, 20, 20, 0, 0]
    assert [balances["pending_out"] for _, balances in instants] == [0, 0, 0, 4, 4, 0]
    for at, balances in instants:
        then = (await api.get("/v1/accounts/bob", params={"at": at})).json()
        assert {name: then[name] for name in balances} == balances
    problem(await api.get("/v1/accounts/bob?at=2001-01-01T00:00:00Z"), 404, "account_not_found")
    problem(await api.get("/v1/accounts/nobody?at=2001-01-01T00:00:00Z"), 404, "account_not_found")


async def test_an_offset_counts_whether_its_plus_sign_is_escaped_or_not(projected_api: httpx.AsyncClient) -> None:
    opened = (await projected_api.get("/v1/accounts/bob")).json()["created_at"]
    shifted = opened.removesuffix("Z")
    for offset in ("+00:00", "%2B00:00"):
        assert (await projected_api.get(f"/v1/accounts/bob?at={shifted}{offset}")).status_code == 200
    problem(await projected_api.get(f"/v1/accounts/bob?at={shifted}-01:00"), 400, "invalid_parameter")


async def test_without_projections_an_instant_is_503_and_not_a_guess(api: httpx.AsyncClient) -> None:
    opened = (await api.get("/v1/accounts/bob")).json()["created_at"]
    problem(await api.get("/v1/accounts/bob", params={"at": opened}), 503, "reads_unavailable")
    problem(await api.get("/v1/accounts/bob/statement"), 503, "reads_unavailable")


async def test_the_past_is_told_as_soon_as_it_is_known_however_far_behind_the_projections_are(projected: Projected) -> None:
    ledger, projector = projected
    app = create_app(ledger, visibility_seconds=0.05)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as api:
        await with_accounts(api)
        first = (await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1})).json()["created_at"]
        second = (await pay(api, "2", **{"from": "alice", "to": "bob", "amount": 2})).json()["created_at"]
        await projector.catch_up()
        last = (await pay(api, "3", **{"from": "alice", "to": "bob", "amount": 4})).json()["created_at"]
        assert (await api.get("/v1/accounts/bob", params={"at": first})).json()["posted"] == 1
        assert (await api.get("/v1/accounts/bob/statement", params={"to": second})).json()["closing_balance"] == 1
        for path, name, time in (("", "at", second), ("", "at", last), ("/statement", "to", last)):
            answer = await api.get(f"/v1/accounts/bob{path}", params={name: time})
            problem(answer, 503, "not_yet_visible")
        await projector.catch_up()
        assert (await api.get("/v1/accounts/bob", params={"at": last})).json()["posted"] == 7


async def test_a_statement_adds_up(projected_api: httpx.AsyncClient) -> None:
    api = projected_api
    begins = (await pay(api, "0", **{"from": "alice", "to": "world", "amount": 100})).json()["created_at"]
    held = (await hold(api, "1", 50)).json()["id"]
    await operate(api, held, "capture", "c", amount=20)
    await operate(api, held, "refunds", "r", amount=5)
    ends = (await pay(api, "2", **{"from": "alice", "to": "bob", "amount": 7})).json()["created_at"]
    body = (await api.get("/v1/accounts/alice/statement", params={"from": begins, "to": ends})).json()
    assert (body["account"], body["currency"], body["from"], body["to"]) == ("alice", "EUR", begins, ends)
    assert (body["opening_balance"], body["closing_balance"]) == (1000, 885)
    assert (body["total_debits"], body["total_credits"]) == (120, 5)
    lines = [(line["kind"], line["direction"], line["amount"], line["balance_after"]) for line in body["data"]]
    assert lines == [("payment", "debit", 100, 900), ("capture", "debit", 20, 880), ("refund", "credit", 5, 885)]
    assert [line["payment_id"] for line in body["data"]][1:] == [held, held]
    whole = (await api.get("/v1/accounts/alice/statement")).json()
    assert (whole["opening_balance"], whole["closing_balance"], len(whole["data"])) == (0, 878, 5)
    assert whole["from"] == (await api.get("/v1/accounts/alice")).json()["created_at"]


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_of_a_statement_have_all_its_lines_and_no_later_ones(projected_api: httpx.AsyncClient, limit: int) -> None:
    api = projected_api
    await pay_batch(api, *(item(f"{number}") for number in range(7)))
    expected = (await api.get("/v1/accounts/bob/statement?limit=100")).json()["data"]
    cursor, seen, number = None, [], 0
    while True:
        answer = await api.get("/v1/accounts/bob/statement", params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        page = answer.json()
        seen += page["data"]
        assert page["closing_balance"] == 7
        cursor = page["next_cursor"]
        if cursor is None:
            break
        number += 1
        await pay(api, f"later {number}", **{"from": "alice", "to": "bob", "amount": 1})
    assert seen == expected


@pytest.mark.parametrize("asked", [({"format": "csv"}, {}), ({}, {"Accept": "text/csv"})])
async def test_a_statement_as_csv_has_all_lines_between_its_balances(
    projected_api: httpx.AsyncClient, asked: tuple[dict[str, str], dict[str, str]]
) -> None:
    api = projected_api
    await pay_batch(api, *(item(f"{number}", **{"from": "world"}) for number in range(1_500)), Prefer="return=minimal")
    count = await balance(api, "bob")
    parameters, headers = asked
    answer = await api.get("/v1/accounts/bob/statement", params=parameters, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    header, opening, *lines, closing = csv.reader(io.StringIO(answer.text))
    assert header == ["at", "payment_id", "kind", "direction", "amount", "balance_after", "sequence"]
    assert (opening[2], opening[5], closing[2], closing[5]) == ("opening_balance", "0", "closing_balance", str(count))
    assert [line[5] for line in lines] == [str(number) for number in range(1, count + 1)]
    told = await pages(api, "/v1/accounts/bob/statement", 100)
    assert lines == [[str(line[name]) for name in header] for line in told]


@pytest.mark.parametrize(
    "query",
    [
        "from=x", "to=x", "to=9999-01-01T00:00:00Z", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "format=pdf", "limit=0",
        "cursor=x", "cursor=1.2", "cursor=x.y.z", f"cursor={2**64:x}.1.z", "cursor=0x1.0x2.z", "currency=EUR",
    ],
)  # fmt: skip
async def test_a_statement_that_cannot_be_is_refused(api: httpx.AsyncClient, query: str) -> None:
    problem(await api.get(f"/v1/accounts/bob/statement?{query}"), 400, "invalid_parameter")


async def test_a_statements_cursor_is_for_that_statement_alone(projected_api: httpx.AsyncClient) -> None:
    api = projected_api
    await pay_batch(api, item("1"), item("2"))
    cursor = (await api.get("/v1/accounts/bob/statement?limit=1")).json()["next_cursor"]
    for path, parameters in (
        ("/v1/accounts/alice/statement", {}),
        ("/v1/accounts/bob/statement", {"from": "2026-01-01T00:00:00Z"}),
        ("/v1/accounts/bob/entries", {}),
    ):
        problem(await api.get(path, params={"cursor": cursor, **parameters}), 400, "invalid_parameter")
