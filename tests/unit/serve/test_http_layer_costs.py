"""The micro-benchmark of the HTTP layer runs, and measures every step. What it finds is not judged here."""

from loadtests.http_layer import BATCH_PAYMENTS, SHARDS, batch_body, measure, single_body
from serve.payments.batches import parse_batch
from serve.payments.instructions import message_of, parse_payment


def test_every_step_has_a_cost() -> None:
    costs = measure(single_repetitions=20, batch_payments=50, rounds=1)
    assert len({cost.step for cost in costs}) == len(costs) == 10
    assert all(cost.microseconds_per_payment > 0 for cost in costs)


def test_the_measured_bodies_are_payments() -> None:
    first = message_of(parse_payment(single_body(3)), "key-3", SHARDS)
    assert parse_batch(batch_body(4), SHARDS)[3] == first
    assert BATCH_PAYMENTS == 10_000
