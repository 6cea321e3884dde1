"""Holds and refunds between hosts: what arrives late, twice, in another order, or at another host than it was sent to."""

import pytest

from processor.core import messages as m
from processor.core.messages import Leg
from processor.core.peers import AnyPeerMessage, Credit, Decide, Reserve, Settle
from processor.core.results import Result
from processor.core.travel import ASK_AGAIN_MICROSECONDS, GIVE_UP_MICROSECONDS
from processor.core.turn import Pending
from tests.model.payments import Place
from tests.unit.core.funded import FUNDS, Funded, funded


def take(world: Funded, kind: type[AnyPeerMessage]) -> AnyPeerMessage:
    """Take the oldest message of this kind off the wire."""
    found = next(message for message in world.cluster.in_flight if isinstance(message, kind))
    world.cluster.in_flight.remove(found)
    return found


def hand_over(world: Funded, message: AnyPeerMessage) -> None:
    """Give a message to the host that owns its shard."""
    world.cluster.turn(world.cluster.owner[message.shard], peers=[message])


def held_at_home_only(world: Funded) -> tuple[Place, AnyPeerMessage]:
    """Hold 600 so that the home has decided and the shop's host has not heard of it; return the place, and that message."""
    (pending,) = world.cluster.turn(0, [world.cluster.holding("hold", [world.leg(600)])])
    assert isinstance(pending, Pending)
    while not any(isinstance(message, Decide) for message in world.cluster.in_flight):
        world.cluster.deliver()
    decide = take(world, Decide)
    world.cluster.tick(0)
    return world.place(in_payment_answer(world.cluster.completed[pending.home, pending.number])), decide


def in_payment_answer(answer: m.PaymentAnswer | m.OperationAnswer) -> m.PaymentAnswer:
    """Return the same as what it is."""
    assert isinstance(answer, m.PaymentAnswer)
    return answer


def test_a_capture_that_arrives_before_its_hold_waits_for_it() -> None:
    world = funded(3, 3)
    place, decide = held_at_home_only(world)
    world.cluster.turn(0, [world.cluster.capturing("capture", place, (200,))])
    hand_over(world, take(world, Settle))
    assert world.balances(world.shop) == (0, 0, 600)
    hand_over(world, decide)
    world.cluster.settle()
    assert (world.balances(world.alice), world.balances(world.shop)) == ((800, 0, 0), (200, 0, 0))
    world.cluster.check()


def test_captures_may_arrive_in_another_order() -> None:
    world = funded(3, 3)
    place = world.held(world.leg(600))
    asked = [world.cluster.capturing(str(amount), place, (amount,), final=amount == 30) for amount in (10, 20, 30)]
    world.cluster.turn(0, asked)
    messages = [take(world, Settle) for _ in asked]
    for message in (messages[2], messages[0], messages[0], messages[1], messages[2]):
        hand_over(world, message)
    world.cluster.settle()
    assert (world.balances(world.alice), world.balances(world.shop)) == ((940, 0, 0), (60, 0, 0))
    world.cluster.check()


def test_a_capture_that_was_carried_out_is_not_carried_out_by_a_late_copy() -> None:
    world = funded(3, 3)
    place = world.held(world.leg(600))
    world.cluster.turn(0, [world.cluster.capturing("capture", place, (100,), final=False)])
    copy = take(world, Settle)
    world.cluster.settle()
    world.cluster.capture("another", place, (50,), final=False)
    for _ in range(3):
        world.cluster.tick(0, ASK_AGAIN_MICROSECONDS + 1)
        world.cluster.settle()
    hand_over(world, copy)
    assert world.balances(world.shop) == (150, 0, 450)
    world.cluster.check()


def test_a_lost_capture_is_told_again_until_it_has_arrived() -> None:
    world = funded(3, 3)
    place = world.held(world.leg(600))
    message = world.cluster.capturing("capture", place)
    (pending,) = world.cluster.turn(0, [message])
    assert isinstance(pending, Pending)
    for _ in range(3):
        world.cluster.in_flight.clear()
        world.cluster.tick(0, GIVE_UP_MICROSECONDS)
    answer = world.cluster.completed[pending.home, pending.number]
    assert (answer.result, answer.others) == (Result.ACCEPTED, ())
    world.cluster.settle()
    assert world.balances(world.shop) == (600, 0, 0)
    world.cluster.check()


def test_the_answer_to_a_capture_names_where_it_can_be_read_on_other_shards() -> None:
    world = funded(3, 3)
    answer = world.cluster.capture("capture", world.held(world.leg(600)))
    assert [shard for shard, _ in answer.others] == [1]
    assert dict(answer.others)[1] <= world.cluster.all_shards()[1].sequence
    assert world.cluster.read(world.shop).last_sequence == dict(answer.others)[1]


@pytest.mark.parametrize("gathered", [1, 2])
def test_captures_go_on_when_shards_come_together_between_them(gathered: int) -> None:
    """The first is still on its way to the other shard when the second can be settled in the same append."""
    world = funded(3, 3)
    place = world.held(world.leg(600), Leg(world.bank, world.shop, 60, "EUR"))
    world.cluster.turn(0, [world.cluster.capturing("first", place, (100, 10), final=False)])
    late = [take(world, Settle), take(world, Settle)]
    for shard in range(1, gathered + 1):
        world.cluster.move(shard, 0)
    assert world.cluster.capture("second", place, (200, 20)).result is Result.ACCEPTED
    for message in late:
        hand_over(world, message)
    world.cluster.settle()
    assert (world.balances(world.alice), world.balances(world.shop)) == ((700, 0, 0), (330, 0, 0))
    world.cluster.check()


def test_a_hold_of_one_host_is_captured_after_its_shards_went_apart() -> None:
    world = funded(3, 1)
    place = world.held(world.leg(600))
    cluster = world.cluster
    cluster.ledgers.append(type(cluster.ledgers[0])(3))
    cluster.move(1, 1)
    assert cluster.capture("capture", place, (100,)).result is Result.ACCEPTED
    assert (world.balances(world.alice), world.balances(world.shop)) == ((900, 0, 0), (100, 0, 0))
    cluster.check()


def test_a_hold_that_expires_while_it_travels_ends_as_soon_as_it_is_decided() -> None:
    world = funded(3, 3)
    cluster = world.cluster
    (pending,) = cluster.turn(0, [cluster.holding("hold", [world.leg(600)], lasts_microseconds=1_000)])
    assert isinstance(pending, Pending)
    cluster.now += 2_000
    cluster.settle()
    place = world.place(in_payment_answer(cluster.completed[pending.home, pending.number]))
    assert cluster.capture("too late", place).result is Result.PAYMENT_NOT_HELD
    assert (world.balances(world.alice), world.balances(world.shop)) == ((FUNDS, 0, 0), (0, 0, 0))
    cluster.check()


def test_what_is_on_its_way_back_cannot_be_refunded_once_more() -> None:
    world = funded(3, 3)
    place = world.paid(world.leg(600))
    cluster = world.cluster
    first, second, rest = cluster.turn(
        0, [cluster.refunding("first", place, (400,)), cluster.refunding("second", place, (201,)), cluster.refunding("rest", place)],
        facts=[cluster.archive.payment(place)],
    )  # fmt: skip
    assert isinstance(second, m.OperationAnswer)
    assert second.result is Result.AMOUNT_EXCEEDS_CAPTURED
    cluster.settle()
    assert isinstance(first, Pending)
    assert isinstance(rest, Pending)
    assert world.balances(world.shop) == (0, 0, 0)
    payment = cluster.read_payment(place).payment
    assert payment is not None
    assert (payment.status, payment.refunded) == ("refunded", (600,))
    cluster.check()


def test_a_refund_that_was_given_up_can_be_asked_for_again() -> None:
    world = funded(3, 3)
    cluster = world.cluster
    place = world.paid(world.leg(600), Leg(world.bank, world.shop, 60, "EUR"))
    message = cluster.refunding("refund", place)
    (pending,) = cluster.turn(0, [message], facts=[cluster.archive.payment(place)])
    assert isinstance(pending, Pending)
    cluster.in_flight.clear()
    cluster.tick(0, GIVE_UP_MICROSECONDS + 1)
    answer = cluster.completed[pending.home, pending.number]
    assert answer.result is Result.SHARD_UNAVAILABLE
    payment = cluster.read_payment(place).payment
    assert payment is not None
    assert (payment.status, payment.refunded) == ("succeeded", (0, 0))
    again = cluster.refund("refund", place)
    assert (again.result, again.replayed, world.balances(world.shop)) == (Result.ACCEPTED, False, (0, 0, 0))
    cluster.check()


def test_who_asks_while_a_refund_travels_gets_the_same_outcome() -> None:
    world = funded(3, 3)
    cluster = world.cluster
    place = world.paid(world.leg(600))
    message = cluster.refunding("refund", place)
    first, again = cluster.turn(0, [message, message], facts=[cluster.archive.payment(place)])
    assert isinstance(first, Pending)
    assert first == again
    cluster.settle()
    assert world.balances(world.shop) == (0, 0, 0)
    later = cluster.ask(message)
    assert isinstance(later, m.OperationAnswer)
    assert (later.result, later.replayed) == (Result.ACCEPTED, True)


def test_a_refund_of_one_leg_takes_the_short_road_and_of_several_the_long_one() -> None:
    world = funded(3, 3)
    cluster = world.cluster
    single, several = world.paid(world.leg(5), key="single"), world.paid(world.leg(5), world.leg(6), key="several")
    cluster.turn(0, [cluster.refunding("1", single)], facts=[cluster.archive.payment(single)])
    assert [type(message) for message in cluster.in_flight] == [Credit]
    cluster.settle()
    cluster.turn(0, [cluster.refunding("2", several)], facts=[cluster.archive.payment(several)])
    assert [type(message) for message in cluster.in_flight] == [Reserve]
    cluster.settle()
    assert world.balances(world.shop) == (0, 0, 0)
    cluster.check()


def test_a_void_and_a_capture_in_one_turn_have_one_winner() -> None:
    world = funded(3, 3)
    cluster = world.cluster
    place = world.held(world.leg(600))
    asked: list[m.AnyMessage] = [cluster.voiding("void", place), cluster.capturing("capture", place)]
    void, capture = cluster.turn(0, asked)
    assert isinstance(void, Pending)
    assert isinstance(capture, m.OperationAnswer)
    assert capture.result is Result.PAYMENT_NOT_HELD
    cluster.settle()
    assert (world.balances(world.alice), world.balances(world.shop)) == ((FUNDS, 0, 0), (0, 0, 0))
    cluster.check()


def test_an_answer_that_was_lost_in_a_crash_is_told_to_who_asks_again() -> None:
    world = funded(3, 3)
    cluster = world.cluster
    place = world.held(world.leg(600))
    (pending,) = cluster.turn(0, [cluster.capturing("capture", place, (100,))])
    assert isinstance(pending, Pending)
    cluster.crash(0)
    again = cluster.capture("capture", place, (100,))
    assert (again.result, again.replayed) == (Result.ACCEPTED, True)
    assert (pending.home, pending.number) not in cluster.completed
    assert world.balances(world.shop) == (100, 0, 0)
    cluster.check()
