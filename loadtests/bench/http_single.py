"""Layer `http_single`: durable single payments over HTTP between random accounts, beside an empty handler of bare uvicorn."""

from collections.abc import Mapping
from statistics import median

from loadtests.bench import bare_uvicorn
from loadtests.bench.figure import Figure, Goal, ratios
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Side

GOAL = Goal("at least", 8_000)
SHARE_GOAL = Goal("at least", 0.3)
NAME = "single payments, random accounts"

Samples = Mapping[str, list[float]]


def side(payments: PaymentsInstance, options: Options) -> Side:
    """Return the side to be measured."""
    return Side(NAME, lambda: payments.singles("random_accounts", options.seconds).rate)


def figures(samples: Samples) -> list[Figure]:
    """Return the layer's figures."""
    rates, limits = samples[NAME], samples[bare_uvicorn.NAME]
    return [
        Figure("http_single", NAME, "payments/s", rates, GOAL, median(limits), bare_uvicorn.NAME),
        Figure("http_single", f"against {bare_uvicorn.NAME}", "ratio", ratios(rates, limits), SHARE_GOAL),
    ]
