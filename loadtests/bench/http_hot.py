"""Layer `http_hot`: the same with one account on every payment."""

from loadtests.bench import http_single, serve_limit
from loadtests.bench.figure import Figure, Goal, ratios
from loadtests.bench.http_single import Samples
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Side

GOAL = Goal("at least", 0.9)
NAME = "single payments, one hot account"


def side(payments: PaymentsInstance, options: Options) -> Side:
    """Return the side to be measured."""
    return Side(NAME, lambda: payments.singles("one_hot_account", options.seconds).rate)


def figures(samples: Samples) -> list[Figure]:
    """Return the layer's figures."""
    rates = samples[NAME]
    return [
        Figure("http_hot", NAME, "payments/s", rates, limit=serve_limit.limit(samples)),
        Figure("http_hot", "against random accounts", "ratio", ratios(rates, samples[http_single.NAME]), GOAL),
    ]
