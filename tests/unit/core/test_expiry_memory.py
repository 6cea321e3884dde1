"""What the ledger remembers of holds that have ended does not grow with their number."""

import pytest

from processor.core import operations
from tests.unit.core.funded import funded


def test_holds_that_were_captured_do_not_stay_until_their_time_would_have_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "DUE_MIN", 8)
    world = funded(1, 1)
    (ledger,) = world.cluster.ledgers
    ledger.operations._due_max = 8
    last = world.held(world.leg(1), key="stays", lasts_microseconds=1_000_000)
    for number in range(50):
        world.cluster.capture(f"capture {number}", world.held(world.leg(1), key=f"hold {number}"))
    assert len(ledger.operations._due) <= 8
    world.cluster.tick(0, 2_000_000)
    payment = world.cluster.read_payment(last).payment
    assert payment is not None
    assert payment.status == "expired"
    world.cluster.check()
