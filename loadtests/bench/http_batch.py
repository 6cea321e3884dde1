"""Layer `http_batch`: the batch API, minimal answers, random accounts, from one payment in a batch to ten thousand.

Its limit is one core that does nothing but decode the same JSON: every payment has to come through one API process.
"""

from statistics import median
from time import process_time

import msgspec

from loadtests.bench.figure import Figure, Goal
from loadtests.bench.http_single import Samples
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Side
from loadtests.workload import Workload

GOAL = Goal("at least", 100_000)
GOAL_FROM = 1_000
LIMIT = "one core that only decodes the same JSON"
# Payments in a batch -> connections. Two of the largest fill the default queue limit of 20,000 messages.
CONNECTIONS = {1: 64, 10: 32, 100: 16, 1_000: 4, 10_000: 2}
_LIMIT_PAYMENTS = 10_000
_REPETITIONS = 10


class _Item(msgspec.Struct, gc=False):
    idempotency_key: str
    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")
    amount: int = 0
    currency: str = ""


class _Body(msgspec.Struct):
    payments: list[_Item]


def sides(payments: PaymentsInstance, options: Options) -> list[Side]:
    """Return the sides to be measured."""
    body = Workload("random_accounts", options.accounts, 0).batches(1, _LIMIT_PAYMENTS)[0].body
    return [*(_side(payments, size, options) for size in CONNECTIONS), Side(LIMIT, lambda: _decoding_rate(body))]


def figures(samples: Samples) -> list[Figure]:
    """Return the layer's figures."""
    limit = median(samples[LIMIT])
    return [
        Figure("http_batch", name, "payments/s", samples[name], GOAL if size >= GOAL_FROM else None, limit, LIMIT)
        for size, name in NAMES.items()
    ]


def _decoding_rate(body: bytes) -> float:
    """Return the payments decoded in a second of CPU time."""
    decode = msgspec.json.Decoder(_Body).decode
    started = process_time()
    for _ in range(_REPETITIONS):
        decode(body)
    return _REPETITIONS * _LIMIT_PAYMENTS / (process_time() - started)


def _side(payments: PaymentsInstance, size: int, options: Options) -> Side:
    return payments.meter.metered(Side(NAMES[size], lambda: payments.batches(size, CONNECTIONS[size], options.seconds).rate))


NAMES = {size: f"batches of {size:,}, {connections} connections" for size, connections in CONNECTIONS.items()}
