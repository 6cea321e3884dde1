"""The smoke test passes where a ledger pays, also for the second time, and fails where one does not."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.delivery.rollouts.smoke import SmokeFailed, check
from tests.small_ledger import Server, SmallLedger

COMMIT = "0123456789abcdef"


@pytest.fixture
def ledger() -> SmallLedger:
    return SmallLedger()


@pytest.fixture
def url(ledger: SmallLedger) -> Iterator[str]:
    with Server(ledger) as server:
        yield server.url


def test_a_ledger_that_pays_passes_twice_and_pays_once(ledger: SmallLedger, url: str) -> None:
    check(url, COMMIT)
    check(url, COMMIT)
    assert ledger.accounts["smoke-0123456789ab-to"]["posted"] == 7


def test_a_ledger_that_is_not_ready_fails(ledger: SmallLedger, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "read", lambda _path: (503, {"detail": "shard 3 has no host"}))
    with pytest.raises(SmokeFailed, match=r"the ledger is ready: no, the answer was 503 .*shard 3 has no host"):
        check(url, COMMIT)


def test_a_ledger_that_refuses_to_pay_fails(ledger: SmallLedger, url: str) -> None:
    ledger.faults.extend(["", "", "refuse"])
    with pytest.raises(SmokeFailed, match="a payment succeeds: no, the answer was 503"):
        check(url, COMMIT)


def test_a_ledger_that_forgets_its_keys_fails(ledger: SmallLedger, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pay = ledger.pay

    def forgetful(key: str, payment: dict[str, Any]) -> Any:
        ledger.outcomes.clear()
        return pay(key, payment)

    monkeypatch.setattr(ledger, "pay", forgetful)
    with pytest.raises(SmokeFailed, match="the same key paid twice"):
        check(url, COMMIT)


def test_a_ledger_that_makes_money_fails(ledger: SmallLedger, url: str) -> None:
    ledger.open_account("forger", "EUR", None)
    ledger.accounts["forger"]["posted"] = 1
    with pytest.raises(SmokeFailed, match="EUR sums to 1 and not to 0"):
        check(url, COMMIT)


def test_a_ledger_that_is_not_there_fails() -> None:
    with pytest.raises(SmokeFailed, match="got no answer"):
        check("http://127.0.0.1:9", COMMIT)
