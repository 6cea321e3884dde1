"""Layer `http_layer`: parsing and rendering in serve/, without sockets, in CPU time (loadtests/http_layer.py)."""

from loadtests.bench.figure import Figure
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say
from loadtests.http_layer import measure as measure_costs


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures: each is the least of several repetitions already."""
    costs = measure_costs()
    for cost in costs:
        say(f"{cost.step}: {cost.microseconds_per_payment:.2f} us a payment")
    return [Figure("http_layer", cost.step, "us/payment", [cost.microseconds_per_payment]) for cost in costs]
