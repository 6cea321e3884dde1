"""Lists and statements show what their reader has been told, also while what makes them is dead."""

from typing import Any

import psutil
import pytest

from tests.system.instance import Instance
from tests.system.ledger.api import Answer, Api
from tests.system.ledger.hosts import replica_processes
from tests.system.ledger.waiting import wait_until

ROUNDS = 15
PROJECTIONS = "Projections"


@pytest.fixture
def trade(api: Api) -> Api:
    """A client with an account `buyer` that has money, and a `shop`."""
    api.fund("buyer", 10_000)
    api.open("shop")
    return api


def token_of(answer: Answer) -> dict[str, str]:
    """Return the header that asks for what the answer told, at least."""
    assert answer.status_code in (200, 201), answer.text
    return {"Consistency-Token": answer.headers["Consistency-Token"]}


def listed(api: Api, answer: Answer) -> Answer:
    """Read the shop's newest payments, no older than the answer."""
    return api.get("/v1/payments", params={"account": api.name("shop"), "limit": 5}, headers=token_of(answer))


def seen(answer: Answer) -> list[tuple[Any, ...]]:
    """Return what a list shows of payments."""
    assert answer.status_code == 200, answer.text
    return [(p["id"], p["status"], p["held"], p["captured"], p["refunded"]) for p in answer.json()["data"]]


def test_a_list_read_with_the_token_of_a_write_shows_the_payment_as_it_left_it(trade: Api) -> None:
    for number in range(ROUNDS):
        answer = trade.hold(f"hold-{number}", "buyer", "shop", 100)
        identity = answer.json()["id"]
        assert seen(listed(trade, answer))[0] == (identity, "held", 100, 0, 0)
        answer = trade.change(f"capture-{number}", identity, "capture", amount=60)
        assert seen(listed(trade, answer))[0] == (identity, "succeeded", 0, 60, 0)
        answer = trade.change(f"refund-{number}", identity, "refunds", amount=10)
        assert seen(listed(trade, answer))[0] == (identity, "partially_refunded", 0, 60, 10)
        path = f"/v1/accounts/{trade.name('shop')}/statement"
        lines = trade.get(path, params={"limit": 100}, headers=token_of(answer)).json()["data"]
        assert [(line["kind"], line["amount"]) for line in lines[-2:]] == [("capture", 60), ("refund", 10)]


def test_while_the_projector_is_dead_lists_wait_or_say_so_and_payments_go_on(ledger: Instance, trade: Api) -> None:
    (projector,) = replica_processes(ledger, PROJECTIONS)
    # Stopped first: until it is killed, nothing can bring the lists up to date.
    projector.suspend()
    try:
        answer = trade.pay("while stopped", "buyer", "shop", 7)
        told = listed(trade, answer)
        assert (told.status_code, told.json()["code"]) == (503, "not_yet_visible")
        assert int(told.headers["Retry-After"]) >= 1
    finally:
        projector.kill()
    later = trade.pay("while dead", "buyer", "shop", 8)
    identities = [later.json()["id"], answer.json()["id"]]

    def is_shown() -> bool:
        shown = listed(trade, later)
        if shown.status_code == 503:
            assert shown.json()["code"] == "not_yet_visible"
            return False
        assert [row[0] for row in seen(shown)][:2] == identities, "a list was older than its token"
        return True

    wait_until(is_shown, "the lists have caught up")
    assert trade.posted("shop") == 15
    wait_until(lambda: _is_replaced(ledger, projector), "Serve has started another one")


def _is_replaced(ledger: Instance, dead: psutil.Process) -> bool:
    found = replica_processes(ledger, PROJECTIONS)
    return len(found) == 1 and found[0].pid != dead.pid
