"""Accounts over the real API: open, read, statement, balances of an instant, freeze, unfreeze, close."""

from datetime import datetime, timedelta

import pytest

from tests.system.ledger.api import Api
from tests.unit.serve.calls import problem


def test_an_account_is_opened_read_and_opened_again(api: Api) -> None:
    body = {"id": api.name("alice"), "currency": "JPY", "min_balance": -5, "max_balance": "9223372036854775807"}
    opened = api.post("/v1/accounts", json=body | {"metadata": {"customer": "1017"}})
    assert opened.status_code == 201
    account = opened.json()
    assert account["metadata"] == {"customer": "1017"}
    assert (account["min_balance"], account["max_balance"]) == (-5, "9223372036854775807")
    assert (account["status"], account["posted"], account["available"]) == ("open", 0, 0)
    assert account["as_of"].keys() == {"shard", "sequence"}
    assert opened.headers["Consistency-Token"]
    assert opened.headers["Request-Id"]
    assert api.account("alice") == account
    again = api.post("/v1/accounts", json=body | {"metadata": {"customer": "1017"}})
    assert (again.status_code, again.json()) == (200, account)
    problem(api.post("/v1/accounts", json=body), 409, "account_exists")


def test_an_account_without_an_id_gets_one(api: Api) -> None:
    account = api.post("/v1/accounts", json={"currency": "EUR"}).json()
    assert api.get(f"/v1/accounts/{account['id']}").json() == account


def test_a_frozen_account_takes_and_gives_nothing_until_it_is_unfrozen(api: Api) -> None:
    api.fund("alice", 100)
    api.open("bob")
    path = f"/v1/accounts/{api.name('alice')}"
    assert api.post(f"{path}/freeze").json()["status"] == "frozen"
    problem(api.pay("out", "alice", "bob", 1), 422, "account_frozen")
    problem(api.pay("in", "alice-world", "alice", 1), 422, "account_frozen")
    assert api.post(f"{path}/unfreeze").json()["status"] == "open"
    assert api.pay("out again", "alice", "bob", 1).status_code == 201


def test_only_an_empty_account_is_closed_and_then_for_good(api: Api) -> None:
    api.fund("alice", 100)
    path = f"/v1/accounts/{api.name('alice')}"
    problem(api.post(f"{path}/close"), 409, "account_not_empty")
    assert api.pay("back", "alice", "alice-world", 100).status_code == 201
    assert api.post(f"{path}/close").json()["status"] == "closed"
    problem(api.pay("late", "alice-world", "alice", 1), 422, "account_closed")
    problem(api.post(f"{path}/unfreeze"), 422, "account_closed")


def test_a_statement_lists_every_entry_newest_first_over_pages(api: Api) -> None:
    api.fund("alice", 100)
    api.open("bob")
    ids = [api.pay(f"out-{number}", "alice", "bob", number).json()["id"] for number in range(1, 6)]
    path = f"/v1/accounts/{api.name('alice')}/entries"
    pages, cursor = [], None
    while True:
        page = api.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        pages.append(page["data"])
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            break
    assert [len(page) for page in pages] == [2, 2, 2]
    entries = [entry for page in pages for entry in page]
    assert [entry["payment_id"] for entry in entries[:5]] == ids[::-1]
    assert [(entry["direction"], entry["amount"], entry["posted_after"]) for entry in entries] == [
        ("debit", 5, 85), ("debit", 4, 90), ("debit", 3, 94), ("debit", 2, 97), ("debit", 1, 99), ("credit", 100, 100),
    ]  # fmt: skip
    problem(api.get(path, params={"cursor": "made-up"}), 400, "invalid_parameter")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5"])
def test_a_page_of_another_size_than_1_to_100_is_refused(api: Api, limit: str) -> None:
    api.open("alice")
    problem(api.get(f"/v1/accounts/{api.name('alice')}/entries", params={"limit": limit}), 400, "invalid_parameter")


def test_a_past_instant_has_the_balances_of_that_instant(api: Api) -> None:
    api.fund("alice", 100)
    api.open("bob")
    path = f"/v1/accounts/{api.name('alice')}"
    for amount in (10, 20, 30):
        api.pay(f"out-{amount}", "alice", "bob", amount)
    # Not the payments' `created_at`: between hosts money is reserved then, and posted some milliseconds later.
    instants = [entry["at"] for entry in reversed(api.get(f"{path}/entries").json()["data"]) if entry["direction"] == "debit"]
    assert [api.get(path, params={"at": at}).json()["posted"] for at in instants] == [90, 70, 40]
    just_before = datetime.fromisoformat(instants[1]) - timedelta(microseconds=1)
    assert api.get(path, params={"at": just_before.isoformat()}).json()["posted"] == 90
    problem(api.get(path, params={"at": "2020-01-01T00:00:00Z"}), 404, "account_not_found")
    problem(api.get(path, params={"at": "2999-01-01T00:00:00Z"}), 400, "invalid_parameter")
    problem(api.get(path, params={"at": "yesterday"}), 400, "invalid_parameter")


def test_an_account_that_does_not_exist_is_not_found(api: Api) -> None:
    missing = f"/v1/accounts/{api.name('nobody')}"
    for answer in (api.get(missing), api.get(f"{missing}/entries"), api.post(f"{missing}/freeze"), api.post(f"{missing}/close")):
        problem(answer, 404, "account_not_found")
