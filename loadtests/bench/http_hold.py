"""Layer `http_hold`: money that is held and then captured, two requests for each payment, between random accounts."""

from statistics import median

from loadtests.bench import bare_uvicorn, http_single
from loadtests.bench.figure import Figure, Goal, ratios
from loadtests.bench.http_single import Samples
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Side

GOAL = Goal("at least", 0.4)
LIMIT = f"half of {bare_uvicorn.NAME}: two requests each"
NAME = "hold and capture, random accounts"


def side(payments: PaymentsInstance, options: Options) -> Side:
    """Return the side to be measured."""
    return Side(NAME, lambda: payments.holds(options.seconds).rate)


def figures(samples: Samples) -> list[Figure]:
    """Return the layer's figures."""
    rates = samples[NAME]
    return [
        Figure("http_hold", NAME, "holds captured/s", rates, None, median(samples[bare_uvicorn.NAME]) / 2, LIMIT),
        Figure("http_hold", "against single payments", "ratio", ratios(rates, samples[http_single.NAME]), GOAL),
    ]
