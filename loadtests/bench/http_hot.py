"""Layer `http_hot`: the same with one account on every payment."""

from statistics import median

from loadtests.bench import bare_uvicorn, http_single
from loadtests.bench.figure import Figure, Goal, ratios
from loadtests.bench.http_single import Samples
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Side

GOAL = Goal("at least", 0.95)
NAME = "single payments, one hot account"


def side(payments: PaymentsInstance, options: Options) -> Side:
    """Return the side to be measured."""
    return Side(NAME, lambda: payments.singles("one_hot_account", options.seconds).rate)


def figures(samples: Samples) -> list[Figure]:
    """Return the layer's figures."""
    rates = samples[NAME]
    return [
        Figure("http_hot", NAME, "payments/s", rates, None, median(samples[bare_uvicorn.NAME]), bare_uvicorn.NAME),
        Figure("http_hot", "against random accounts", "ratio", ratios(rates, samples[http_single.NAME]), GOAL),
    ]
