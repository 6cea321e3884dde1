"""Layer `http_batch`: the batch API over few connections, minimal answers, random accounts."""

from loadtests.bench.figure import Figure, Goal
from loadtests.bench.http_single import Samples
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Side

GOAL = Goal("at least", 30_000)
# Payments in a batch -> connections. Two of the largest fill the default queue limit of 20,000 messages.
CONNECTIONS = {1_000: 4, 10_000: 2}


def sides(payments: PaymentsInstance, options: Options) -> list[Side]:
    """Return the sides to be measured."""
    return [_side(payments, size, options) for size in CONNECTIONS]


def figures(samples: Samples) -> list[Figure]:
    """Return the layer's figures."""
    return [Figure("http_batch", _name(size), "payments/s", samples[_name(size)], GOAL) for size in CONNECTIONS]


def _side(payments: PaymentsInstance, size: int, options: Options) -> Side:
    return Side(_name(size), lambda: payments.batches(size, CONNECTIONS[size], options.seconds).rate)


def _name(size: int) -> str:
    return f"batches of {size:,}, {CONNECTIONS[size]} connections"
