"""Every protocol with an accident at every one of its steps: it ends as if nothing had happened.

A step is a turn of a host, or a message between hosts. The undisturbed run tells how many there are.
"""

from collections.abc import Callable

import pytest

from processor.core.ledger import Retention
from processor.core.messages import Leg
from processor.core.results import Result
from tests.property.accidents import Accident, AccidentalCluster, What
from tests.unit.core.funded import Funded, funded_on

Protocol = Callable[[Funded], None]


def hold(world: Funded) -> None:
    """Reserve money on two hosts."""
    world.held(world.leg(600))


def hold_of_three(world: Funded) -> None:
    """Reserve money on three hosts."""
    world.held(world.leg(600), Leg(world.bank, world.alice, 5, "EUR"), Leg(world.bank, world.shop, 6, "EUR"))


def capture(world: Funded) -> None:
    """Reserve and post everything."""
    assert world.cluster.capture("capture", world.held(world.leg(600))).result is Result.ACCEPTED


def captures(world: Funded) -> None:
    """Post in parts, and release the rest."""
    place = world.held(world.leg(600), Leg(world.bank, world.alice, 50, "EUR"))
    assert world.cluster.capture("first", place, (100, 0), final=False).result is Result.ACCEPTED
    assert world.cluster.capture("second", place, (10, 20), final=False).result is Result.ACCEPTED
    assert world.cluster.capture("last", place, (200, 0)).result is Result.ACCEPTED


def void(world: Funded) -> None:
    """Reserve, post a part, and release the rest."""
    place = world.held(world.leg(600))
    assert world.cluster.capture("part", place, (100,), final=False).result is Result.ACCEPTED
    assert world.cluster.void("void", place).result is Result.ACCEPTED


def expiry(world: Funded) -> None:
    """Reserve until the time has come."""
    world.held(world.leg(600), Leg(world.bank, world.alice, 50, "EUR"))
    world.cluster.let_holds_expire(120_000_000)


def pay_and_refund_on_the_short_road(world: Funded) -> None:
    """Give one leg back, in two parts."""
    place = world.paid(world.leg(600))
    assert world.cluster.refund("part", place, (250,)).result is Result.ACCEPTED
    assert world.cluster.refund("rest", place).result is Result.ACCEPTED


def pay_and_refund_on_the_long_road(world: Funded) -> None:
    """Give several legs back."""
    place = world.paid(world.leg(600), Leg(world.shop, world.bank, 300, "EUR"))
    assert world.cluster.refund("part", place, (0, 300)).result is Result.ACCEPTED
    assert world.cluster.refund("rest", place).result is Result.ACCEPTED


def refund_without_the_home(world: Funded) -> None:
    """Give back a leg that the home has no part in: the other hosts decide alone."""
    place = world.paid(world.leg(600), Leg(world.bank, world.shop, 300, "EUR"))
    assert world.cluster.refund("elsewhere", place, (0, 300)).result is Result.ACCEPTED


def reversal(world: Funded) -> None:
    """Correct a payment although an account is frozen."""
    place = world.paid(world.leg(600))
    world.cluster.set_status(world.shop, "frozen")
    assert world.cluster.refund("reversal", place, reason="paid by mistake").result is Result.ACCEPTED


def refused_refund(world: Funded) -> None:
    """Ask for more back than the other host's account has."""
    place = world.paid(world.leg(600))
    world.cluster.pay("spend", Leg(world.shop, world.bank, 500, "EUR"))
    assert world.cluster.refund("refund", place).result is Result.INSUFFICIENT_FUNDS


def refund_of_what_was_forgotten(world: Funded) -> None:
    """Give back a payment that has left memory meanwhile."""
    place = world.paid(world.leg(600))
    for number in range(8):
        world.cluster.pay(f"small {number}", world.leg(1))
    assert world.cluster.refund("refund", place, (100,)).result is Result.ACCEPTED
    assert world.paid(world.leg(600)) == place


PROTOCOLS = [
    hold, hold_of_three, capture, captures, void, expiry, pay_and_refund_on_the_short_road, pay_and_refund_on_the_long_road,
    refund_without_the_home, reversal, refused_refund,
]  # fmt: skip
TURN_ACCIDENTS: list[What] = [
    "crash before the append", "crash after the append", "crash of the others", "shards rotate", "shards gather",
]  # fmt: skip
MESSAGE_ACCIDENTS: list[What] = ["message lost", "message repeated", "message delayed"]
FORGETFUL = Retention(outcomes=2, microseconds=10**15, filter_bytes=64)


def run(
    protocol: Protocol, accident: Accident | None, retention: Retention | None = None
) -> tuple[AccidentalCluster, list[object]]:
    """Run a protocol on a new cluster of three hosts; return the cluster, and how everything stands in the end."""
    cluster = AccidentalCluster(3, 3, retention)
    world = funded_on(cluster)
    cluster.begin(accident)
    protocol(world)
    cluster.settle()
    cluster.check()
    assert cluster.audit.travels.open_ones() == []
    payments = list(cluster.audit.model.payments.values())
    ends = [(payment.legs, payment.status, payment.amounts("captured"), payment.amounts("refunded")) for payment in payments]
    return cluster, [[world.balances(account) for account in (world.alice, world.shop, world.bank)], ends]


@pytest.mark.parametrize("what", [*TURN_ACCIDENTS, *MESSAGE_ACCIDENTS])
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.__name__)
def test_an_accident_at_any_step_changes_nothing_in_the_end(protocol: Protocol, what: What) -> None:
    compare_all_steps(protocol, what, None)


@pytest.mark.parametrize("what", [*TURN_ACCIDENTS, *MESSAGE_ACCIDENTS])
def test_an_accident_while_memory_is_short_changes_nothing_in_the_end(what: What) -> None:
    compare_all_steps(refund_of_what_was_forgotten, what, FORGETFUL)


def compare_all_steps(protocol: Protocol, what: What, retention: Retention | None) -> None:
    """Run the protocol once undisturbed, and once for each of its steps."""
    undisturbed, expected = run(protocol, None, retention)
    steps = undisturbed.messages if what in MESSAGE_ACCIDENTS else undisturbed.steps
    assert steps > 3
    for step in range(steps):
        cluster, end = run(protocol, Accident(what, step), retention)
        assert cluster.happened
        assert end == expected, f"{what} at step {step}"
