"""What a shard's memory has forgotten: payments are still refunded, and keys still answer as they did the first time."""

from collections.abc import Callable, Iterator

import pytest

from processor.core import events as e
from processor.core.ids import parse_payment_id
from tests.system.instance import Instance
from tests.system.ledger.api import Answer, Api
from tests.system.ledger.conftest import MEMORY_OUTCOMES
from tests.system.ledger.hosts import owned_shards
from tests.system.ledger.journal_reading import read_events
from tests.system.ledger.waiting import wait_until

Send = Callable[[], Answer]


class Past:
    """Makes a shard forget all that was done so far, with other payments on the same accounts."""

    def __init__(self, ledger: Instance, api: Api, account: str, other: str) -> None:
        self._ledger = ledger
        self._api = api
        self._leg = api.leg(account, other, 1)
        self._sent = 0
        self.shard = int(api.account(account)["as_of"]["shard"])

    def forget(self) -> None:
        """Return once two more generations of outcomes have left the shard's memory, as its journal says."""
        begin = owned_shards(self._ledger)[self.shard].sequence

        def has_forgotten() -> bool:
            self._pay()
            generations = [placed for placed in read_events(self._ledger, self.shard, begin) if isinstance(placed.event, e.Aged)]
            return len(generations) >= 2

        wait_until(has_forgotten, "two generations forgotten")

    def _pay(self) -> None:
        first, self._sent = self._sent, self._sent + MEMORY_OUTCOMES
        keys = range(first, self._sent)
        payments = [{"idempotency_key": self._api.name(f"past-{key}"), **self._leg} for key in keys]
        answer = self._api.post("/v1/payments/batch", json={"payments": payments})
        assert {result["status"] for result in answer.json()["results"]} == {201}


@pytest.fixture
def past(ledger: Instance, api: Api) -> Iterator[Past]:
    """An account `shop` that has 1,000, another one `buyer` with 100,000, and a way to make the shard of `buyer` forget."""
    api.fund("buyer", 100_000)
    api.fund("shop", 1_000)
    yield Past(ledger, api, "buyer", "shop")


def refunds_recalled(ledger: Instance, payment_id: str) -> int:
    """Return how often the payment was read back into memory."""
    place = parse_payment_id(payment_id)
    assert place is not None
    return sum(
        isinstance(placed.event, e.Recalled) and (placed.event.payment.sequence, placed.event.payment.index) == place[2:]
        for placed in read_events(ledger, place.shard)
    )


@pytest.mark.parametrize("is_hold", [False, True], ids=["payment", "captured-hold"])
def test_a_payment_that_left_memory_is_refunded_up_to_what_was_captured(
    ledger: Instance, api: Api, past: Past, is_hold: bool
) -> None:
    if is_hold:
        identity = api.hold("sale", "buyer", "shop", 150).json()["id"]
        assert api.change("take", identity, "capture", amount=100).json()["captured"] == 100
    else:
        identity = api.pay("sale", "buyer", "shop", 100).json()["id"]
    past.forget()
    first = api.change("back-1", identity, "refunds", amount=30)
    assert (first.status_code, first.json()["refunded"], first.json()["status"]) == (201, 30, "partially_refunded")
    assert refunds_recalled(ledger, identity) == 1
    past.forget()
    assert api.payment(identity)["refunded"] == 30
    beyond = api.change("back-2", identity, "refunds", amount=71)
    assert (beyond.status_code, beyond.json()["code"]) == (422, "amount_exceeds_captured")
    before = api.posted("buyer")
    last = api.change("back-3", identity, "refunds")
    assert (last.status_code, last.json()["operation"]["amount"], last.json()["status"]) == (201, 70, "refunded")
    nothing_left = api.change("back-4", identity, "refunds", amount=1)
    assert (nothing_left.status_code, nothing_left.json()["code"]) == (422, "amount_exceeds_captured")
    wait_until(lambda: api.posted("buyer") == before + 70, "the refund has arrived once")


def test_a_reversal_of_a_forgotten_payment_takes_back_what_was_not_refunded(api: Api, past: Past) -> None:
    identity = api.pay("mistake", "buyer", "shop", 100).json()["id"]
    assert api.change("some", identity, "refunds", amount=40).status_code == 201
    past.forget()
    reversal = api.change("undo", identity, "reversal", reason="paid twice")
    assert (reversal.status_code, reversal.json()["operation"]["amount"]) == (200, 60)
    assert reversal.json()["status"] == "refunded"


def test_a_key_two_windows_old_gives_its_first_answer_byte_for_byte(api: Api, past: Past) -> None:
    paid = api.pay("paid", "buyer", "shop", 100).json()["id"]
    held, other_held = (api.hold(key, "buyer", "shop", 100).json()["id"] for key in ("held", "other"))
    requests: dict[str, Send] = {
        "payment": lambda: api.pay("paid", "buyer", "shop", 100),
        "hold": lambda: api.hold("held", "buyer", "shop", 100),
        "refused payment": lambda: api.pay("refused", "buyer", "shop", 10_000_000),
        "refused hold": lambda: api.hold("refused hold", "buyer", "shop", 10_000_000),
        "capture": lambda: api.change("capture", held, "capture", amount=10, final=False),
        "refused capture": lambda: api.change("capture too much", held, "capture", amount=1_000),
        "void": lambda: api.change("void", other_held, "void"),
        "refused void": lambda: api.change("void again", other_held, "void"),
        "refund": lambda: api.change("refund", paid, "refunds", amount=10),
        "refused refund": lambda: api.change("refund too much", paid, "refunds", amount=1_000),
        "reversal": lambda: api.change("reversal", paid, "reversal", reason="a mistake"),
    }
    first = {name: send() for name, send in requests.items()}
    assert {name: answer.status_code for name, answer in first.items()} == {
        "payment": 201, "hold": 201, "refused payment": 422, "refused hold": 422, "capture": 200, "refused capture": 422,
        "void": 200, "refused void": 409, "refund": 201, "refused refund": 422, "reversal": 200,
    }  # fmt: skip
    past.forget()
    again = {name: send() for name, send in requests.items()}
    assert {name: (answer.status_code, answer.content) for name, answer in again.items()} == {
        name: (answer.status_code, answer.content) for name, answer in first.items()
    }
    assert [name for name, answer in again.items() if answer.headers.get("Idempotency-Replayed") != "true"] == []


def test_a_key_two_windows_old_is_refused_with_another_body(api: Api, past: Past) -> None:
    paid = api.pay("paid", "buyer", "shop", 100).json()["id"]
    held = api.hold("held", "buyer", "shop", 100).json()["id"]
    assert api.change("capture", held, "capture", amount=10, final=False).status_code == 200
    assert api.change("refund", paid, "refunds", amount=10).status_code == 201
    past.forget()
    before = api.posted("shop")
    others = (
        api.pay("paid", "buyer", "shop", 101),
        api.pay("held", "buyer", "shop", 100),
        api.hold("held", "buyer", "shop", 100, expires_in_seconds=61),
        api.change("capture", held, "capture", amount=11, final=False),
        api.change("refund", paid, "refunds", amount=11),
    )
    assert [(answer.status_code, answer.json()["code"]) for answer in others] == [(422, "idempotency_key_reused")] * len(others)
    assert api.posted("shop") == before
