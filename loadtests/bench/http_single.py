"""Layer `http_single`: durable single payments over HTTP between random accounts."""

from collections.abc import Mapping

from loadtests.bench import serve_limit
from loadtests.bench.figure import Figure, Goal, ratios
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Side

GOAL = Goal("at least", 2_500)
SHARE_GOAL = Goal("at least", 0.55)
NAME = "single payments, random accounts"

Samples = Mapping[str, list[float]]


def side(payments: PaymentsInstance, options: Options) -> Side:
    """Return the side to be measured."""
    return Side(NAME, lambda: payments.singles("random_accounts", options.seconds).rate)


def figures(samples: Samples) -> list[Figure]:
    """Return the layer's figures. With Serve's limit among the samples, the share of it too."""
    rates, limit = samples[NAME], samples.get(serve_limit.BEHIND_HAPROXY)
    found = [Figure("http_single", NAME, "payments/s", rates, GOAL, serve_limit.limit(samples))]
    if limit is not None:
        name = f"against {serve_limit.BEHIND_HAPROXY}"
        found.append(Figure("http_single", name, "ratio", ratios(rates, limit), SHARE_GOAL))
    return found
