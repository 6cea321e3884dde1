"""Memory forgets what is old, and still every key has one effect and every payment can be refunded."""

import pytest

from processor.core import messages as m
from processor.core.ledger import Ledger, Retention
from processor.core.messages import Leg
from processor.core.recall import OutcomeFact, PaymentFact, Recall
from processor.core.results import Result
from tests.cluster import START
from tests.model.payments import Place
from tests.unit.core.funded import IDS, PLACEMENTS, Funded, funded

RETENTION = Retention(outcomes=3, microseconds=10**15, filter_bytes=64)
in_every_placement = pytest.mark.parametrize(("shards", "hosts"), PLACEMENTS, ids=IDS)


def pass_time(world: Funded, payments: int = 15) -> None:
    """Let enough happen on alice's shard for everything before to be forgotten, and make sure that it was."""
    home = world.cluster.audit.memories[0]
    before = home.young | home.old
    for number in range(payments):
        world.cluster.pay(f"small {payments} {number} {len(home.gone)}", world.leg(1))
    assert before <= home.gone


@in_every_placement
def test_a_key_used_two_generations_ago_still_answers_with_its_first_result(shards: int, hosts: int) -> None:
    world = funded(shards, hosts, RETENTION)
    first = world.cluster.pay("key", world.leg(5))
    refused = world.cluster.pay("refused", world.leg(5000))
    held = world.cluster.hold("hold", world.leg(7))
    pass_time(world)
    again = world.cluster.pay("key", world.leg(5))
    assert (again.result, again.replayed, again.at, again.sequence, again.index, again.as_of) == (
        Result.ACCEPTED, True, first.at, first.sequence, first.index, first.as_of,
    )  # fmt: skip
    refusal = world.cluster.pay("refused", world.leg(5000))
    assert (refusal.result, refusal.replayed, refusal.sequence) == (Result.INSUFFICIENT_FUNDS, True, refused.sequence)
    assert world.cluster.hold("hold", world.leg(7)).sequence == held.sequence
    assert world.cluster.pay("key", world.leg(6)).result is Result.IDEMPOTENCY_KEY_REUSED
    world.cluster.check()


@in_every_placement
def test_a_payment_that_left_memory_is_refunded_like_a_new_one(shards: int, hosts: int) -> None:
    world = funded(shards, hosts, RETENTION)
    place = world.paid(world.leg(600))
    for part in range(3):
        pass_time(world)
        assert place not in world.cluster.audit.memories[place[0]].payments
        answer = world.cluster.refund(f"refund {part}", place, (200,))
        assert answer.payment is not None
        assert answer.payment.refunded == (200 * (part + 1),)
    pass_time(world)
    assert world.cluster.refund("more", place, (1,)).result is Result.AMOUNT_EXCEEDS_CAPTURED
    world.cluster.check()


@in_every_placement
def test_a_hold_stays_in_memory_for_as_long_as_it_lasts(shards: int, hosts: int) -> None:
    world = funded(shards, hosts, RETENTION)
    place = world.held(world.leg(600))
    pass_time(world)
    assert place in world.cluster.audit.memories[place[0]].payments
    assert world.cluster.capture("capture", place, (100,)).result is Result.ACCEPTED
    pass_time(world)
    assert place not in world.cluster.audit.memories[place[0]].payments
    payment = world.cluster.read_payment(place).payment
    assert payment is not None
    assert (payment.status, payment.captured, payment.held) == ("succeeded", (100,), (0,))
    assert world.cluster.capture("again", place, (1,)).result is Result.PAYMENT_NOT_HELD
    assert world.cluster.void("void", place).result is Result.PAYMENT_NOT_HELD
    world.cluster.check()


def test_the_key_of_a_payment_that_travels_is_not_forgotten() -> None:
    world = funded(3, 3, RETENTION)
    message = world.cluster.payment("travels", [world.leg(5), world.leg(5)])
    (pending,) = world.cluster.turn(0, [message])
    world.cluster.in_flight.clear()
    near = Leg(world.alice, world.alice, 1, "EUR")
    for number in range(15):
        world.cluster.turn(0, [world.cluster.payment(f"refused at once {number}", [near])])
        world.cluster.let_the_archive_catch_up()
    assert len(world.cluster.audit.memories[0].gone) > 5
    assert world.cluster.turn(0, [message]) == [pending]
    world.cluster.settle()
    again = world.cluster.ask(message)
    assert isinstance(again, m.PaymentAnswer)
    assert (again.result, again.replayed) == (Result.ACCEPTED, True)
    world.cluster.check()


def test_nothing_is_forgotten_that_the_archive_does_not_have() -> None:
    world = funded(1, 1, RETENTION)
    world.cluster.is_archive_slow = True
    boundary = world.cluster.audit.memories[0].boundary
    for number in range(20):
        world.cluster.pay(f"small {number}", world.leg(1))
    memory = world.cluster.audit.memories[0]
    assert memory.boundary > boundary
    assert len(memory.young | memory.old) >= 20
    world.cluster.let_the_archive_catch_up()
    world.cluster.pay("one more", world.leg(1))
    assert memory.gone
    world.cluster.check()


def test_memory_does_not_grow_with_what_has_passed() -> None:
    world = funded(1, 1, RETENTION)
    sizes = []
    for number in range(60):
        place = world.paid(world.leg(2), key=f"paid {number}")
        world.cluster.refund(f"refund {number}", place)
        (shard,) = world.cluster.all_shards()
        sizes.append(len(shard.outcomes) + len(shard.earlier) + len(shard.payments))
    assert max(sizes[30:]) <= max(sizes[:30])


def test_a_shard_forgets_after_a_time_too() -> None:
    world = funded(1, 1, Retention(outcomes=10**9, microseconds=1_000_000, filter_bytes=64))
    first = world.cluster.pay("key", world.leg(5))
    for number in range(3):
        world.cluster.now += 1_000_000
        world.cluster.pay(f"later {number}", world.leg(1))
    assert world.cluster.payment("key", [world.leg(5)]).key in world.cluster.audit.memories[0].gone
    assert world.cluster.pay("key", world.leg(5)).sequence == first.sequence


def forgotten(retention: Retention = RETENTION) -> tuple[Funded, Place, Ledger]:
    """Return a cluster that has forgotten a payment under the key `key`, its place, and the home's ledger in an open turn."""
    world = funded(1, 1, retention)
    place = world.paid(world.leg(600), key="key")
    pass_time(world)
    world.cluster.ledgers[0].begin(START)
    return world, place, world.cluster.ledgers[0]


def test_what_may_be_forgotten_is_asked_of_the_archive_and_nothing_is_done_before() -> None:
    world, place, ledger = forgotten()
    message = world.cluster.payment("key", [world.leg(600)])
    assert ledger.handle(message) == Recall(0, key=message.key)
    assert ledger.handle(world.cluster.refunding("refund", place)) == Recall(0, place=place[1:])
    assert ledger.seal().records == []


@pytest.mark.parametrize("late", [0, 1])
def test_a_fact_is_used_only_if_the_archive_had_all_that_is_forgotten(late: int) -> None:
    world, place, ledger = forgotten()
    message = world.cluster.payment("key", [world.leg(600)])
    outcome, payment = world.cluster.archive.fact(Recall(0, message.key)), world.cluster.archive.fact(Recall(0, None, place[1:]))
    assert isinstance(outcome, OutcomeFact)
    assert isinstance(payment, PaymentFact)
    position = ledger.shards[0].forgotten - late
    ledger.recall(
        [OutcomeFact(0, outcome.key, outcome.outcome, position), PaymentFact(0, payment.place, payment.payment, position)]
    )
    answers = [ledger.handle(message), ledger.handle(world.cluster.refunding("refund", place))]
    assert [isinstance(answer, Recall) for answer in answers] == [bool(late)] * 2


def test_a_fact_is_for_one_turn_only() -> None:
    world, _, ledger = forgotten()
    message = world.cluster.payment("key", [world.leg(600)])
    ledger.recall([world.cluster.archive.fact(Recall(0, message.key))])
    assert isinstance(ledger.handle(message), m.PaymentAnswer)
    ledger.seal()
    ledger.begin(START)
    assert isinstance(ledger.handle(message), Recall)


def test_a_key_that_only_looks_like_a_forgotten_one_may_be_used() -> None:
    """The filter says "perhaps" too often when it is tiny: the archive then knows of nothing."""
    world, _, ledger = forgotten(Retention(outcomes=3, microseconds=10**15, filter_bytes=1))
    fresh = world.cluster.payment("never used", [world.leg(1)])
    assert isinstance(ledger.handle(fresh), Recall)
    ledger.recall([OutcomeFact(0, fresh.key, None, ledger.shards[0].sequence)])
    answer = ledger.handle(fresh)
    assert isinstance(answer, m.PaymentAnswer)
    assert (answer.result, answer.replayed) == (Result.ACCEPTED, False)


def test_a_crash_forgets_neither_what_was_remembered_nor_that_something_was_forgotten() -> None:
    world = funded(3, 3, RETENTION)
    place = world.paid(world.leg(600), key="key")
    pass_time(world)
    for host in range(3):
        world.cluster.crash(host)
    assert world.cluster.pay("key", world.leg(600)).replayed
    assert world.cluster.refund("refund", place).result is Result.ACCEPTED
    world.cluster.check()
