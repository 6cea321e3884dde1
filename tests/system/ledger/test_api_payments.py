"""Payments over the real API: one leg, several legs, batches, keys, refusals and reading back."""

import pytest

from tests.system.ledger.api import Api
from tests.unit.serve.calls import check_problem, problem


@pytest.fixture
def funded(api: Api) -> Api:
    """The client with alice, who has 1,000, and with bob and carol, who have nothing."""
    api.fund("alice", 1_000)
    api.open("bob")
    api.open("carol")
    return api


def test_a_payment_moves_money_and_is_read_back(funded: Api) -> None:
    answer = funded.pay("rent", "alice", "bob", 250, reference="flat 7", metadata={"month": "may"})
    assert answer.status_code == 201
    payment = answer.json()
    assert payment["id"].startswith("pay_")
    assert (payment["status"], payment["amount"], payment["captured"], payment["refunded"]) == ("succeeded", 250, 250, 0)
    assert (payment["reference"], payment["metadata"]) == ("flat 7", {"month": "may"})
    assert payment["legs"] == [funded.leg("alice", "bob", 250)]
    assert "Idempotency-Replayed" not in answer.headers
    read = funded.get(f"/v1/payments/{payment['id']}").json()
    assert read | {"as_of": None} == payment | {"as_of": None}
    assert (funded.posted("alice"), funded.posted("bob")) == (750, 250)
    problem(funded.get("/v1/payments/pay_00000000000000000000000000"), 404, "payment_not_found")


def test_the_same_key_gives_the_first_answer_again(funded: Api) -> None:
    first, again = (funded.pay("once", "alice", "bob", 100) for _ in range(2))
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    problem(funded.pay("once", "alice", "bob", 101), 422, "idempotency_key_reused")
    assert funded.posted("bob") == 100


def test_a_refusal_is_remembered_after_its_cause_is_gone(funded: Api) -> None:
    first = funded.pay("too much", "bob", "alice", 5)
    assert problem(first, 422, "insufficient_funds")["payment_id"].startswith("pay_")
    assert funded.pay("bob earns", "alice", "bob", 5).status_code == 201
    again = funded.pay("too much", "bob", "alice", 5)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")


def test_many_legs_over_all_shards_happen_in_order(funded: Api) -> None:
    """Later legs spend what earlier ones have brought."""
    names = [f"stop-{number}" for number in range(12)]
    for name in names:
        funded.open(name)
    way = ["alice", *names, "carol"]
    legs = [funded.leg(here, there, 70) for here, there in zip(way, way[1:], strict=False)]
    answer = funded.submit("round trip", {"legs": legs})
    assert answer.status_code == 201, answer.text
    assert answer.json()["legs"] == legs
    token = {"Consistency-Token": answer.headers["Consistency-Token"]}
    assert funded.account("carol", **token)["posted"] == 70
    assert [funded.account(name, **token)["posted"] for name in names] == [0] * len(names)


def test_a_refused_leg_undoes_all_others(funded: Api) -> None:
    legs = [funded.leg("alice", "bob", 70), funded.leg("carol", "bob", 1), funded.leg("alice", "carol", 50)]
    problem(funded.submit("all or nothing", {"legs": legs}), 422, "insufficient_funds")
    assert [funded.account(name)["available"] for name in ("alice", "bob", "carol")] == [1_000, 0, 0]
    assert [funded.posted(name) for name in ("alice", "bob", "carol")] == [1_000, 0, 0]


def test_refusals_say_what_is_wrong(funded: Api) -> None:
    funded.open("yen", currency="JPY")
    funded.open("small", max_balance=10)
    problem(funded.pay("nobody", "nobody", "bob", 1), 422, "account_not_found")
    problem(funded.pay("to nobody", "alice", "nobody", 1), 422, "account_not_found")
    problem(funded.pay("itself", "alice", "alice", 1), 422, "same_account")
    problem(funded.pay("currency", "alice", "yen", 1), 422, "currency_mismatch")
    problem(funded.pay("limit", "alice", "small", 11), 422, "limit_exceeded")
    assert funded.posted("alice") == 1_000


def test_amounts_up_to_63_bits_are_kept_exactly(funded: Api) -> None:
    most = 2**63 - 1
    funded.open("mint", min_balance=None)
    funded.open("vault")
    answer = funded.pay("everything", "mint", "vault", str(most))
    assert (answer.status_code, answer.json()["amount"]) == (201, str(most))
    assert funded.account("vault")["posted"] == str(most)
    assert funded.account("mint")["posted"] == str(-most)


def test_a_batch_answers_every_item_on_its_own(funded: Api) -> None:
    def item(key: str, *leg: object, **members: object) -> dict[str, object]:
        return {"idempotency_key": funded.name(key), **funded.leg(*leg), **members}  # type: ignore[arg-type]

    items = [
        item("one", "alice", "bob", 1),
        item("float", "alice", "bob", 1.5),
        item("one", "alice", "bob", 1),
        item("one", "alice", "bob", 2),
        item("poor", "carol", "bob", 1),
        {"idempotency_key": funded.name("legs"), "legs": [funded.leg("alice", "bob", 3), funded.leg("bob", "carol", 4)]},
        funded.leg("alice", "bob", 1),
        "nonsense",
    ]
    answer = funded.post("/v1/payments/batch", json={"payments": items})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 400, 201, 422, 422, 201, 400, 400]
    assert [results[index]["replayed"] for index in (0, 2, 5)] == [False, True, False]
    assert results[0]["payment"] == results[2]["payment"]
    codes = {1: "invalid_amount", 3: "idempotency_key_reused", 4: "insufficient_funds", 6: "idempotency_key_required"}
    for index, code in (codes | {7: "invalid_body"}).items():
        check_problem(results[index]["problem"], results[index]["status"], code)
    assert [funded.posted(name) for name in ("alice", "bob", "carol")] == [996, 0, 4]

    minimal = funded.post("/v1/payments/batch", json={"payments": items[:1]}, headers={"Prefer": "return=minimal"}).json()
    assert minimal["results"] == [{"status": 201, "replayed": True, "id": results[0]["payment"]["id"]}]


def test_a_batch_of_10000_is_taken_and_a_larger_one_refused(funded: Api) -> None:
    items = [{"idempotency_key": f"{funded.name('many')}-{n}", **funded.leg("alice-world", "bob", 1)} for n in range(10_001)]
    problem(funded.post("/v1/payments/batch", json={"payments": items}), 413, "batch_too_large")
    answer = funded.post("/v1/payments/batch", json={"payments": items[:-1]}, headers={"Prefer": "return=minimal"})
    assert {result["status"] for result in answer.json()["results"]} == {201}
    token = {"Consistency-Token": answer.headers["Consistency-Token"]}
    assert funded.account("bob", **token)["posted"] == 10_000
