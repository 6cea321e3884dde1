"""The layers that need a running instance: they share one, and those that are compared share their rounds."""

from collections.abc import Collection
from contextlib import ExitStack

from loadtests.bench import http_batch, http_hold, http_hot, http_single, http_two_hosts, serve_limit
from loadtests.bench.audit import audit
from loadtests.bench.figure import Figure
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Say, alternate

LAYERS = ("http_single", "http_hot", "http_hold", "http_batch", "http_two_hosts", "serve_limit")


def measure(layers: Collection[str], options: Options, say: Say) -> tuple[list[Figure], list[str]]:
    """Return the figures of these layers, and notes on how they came about. Raises BenchFailed if money was made or lost."""
    notes: list[str] = []
    figures: list[Figure] = []
    with PaymentsInstance(options, say) as payments:
        if {"http_single", "http_hot", "http_hold", "serve_limit"} & set(layers):
            figures += _singles(layers, payments, options, say, notes)
        if "http_batch" in layers:
            figures += http_batch.figures(alternate(http_batch.sides(payments, options), options.rounds, say, warm_up=True))
        if "http_two_hosts" in layers:
            samples = alternate(http_two_hosts.sides(payments, options), options.rounds, say, warm_up=True)
            figures += http_two_hosts.figures(samples)
        notes.append(
            f"the client shares the cores with the instance: it used {payments.client_share:.0%} of one core while it sent"
        )
        say("money audit")
        notes.append(audit(payments))
    return figures, notes


def _singles(layers: Collection[str], payments: PaymentsInstance, options: Options, say: Say, notes: list[str]) -> list[Figure]:
    """Measure payments and Serve's limit side by side."""
    sides = []
    if {"http_single", "http_hot", "http_hold"} & set(layers):
        sides.append(http_single.side(payments, options))
    if "http_hot" in layers:
        sides.append(http_hot.side(payments, options))
    if "http_hold" in layers:
        sides.append(http_hold.side(payments, options))
    with ExitStack() as stack:
        if not options.skip_serve_limit:
            say(f"starting Serve's empty handlers; {serve_limit.OPEN_PORTS}")
            notes.append(serve_limit.OPEN_PORTS)
            sides += stack.enter_context(serve_limit.LimitNode()).sides(options)
        samples = alternate(sides, options.rounds, say, warm_up=True)
    figures = http_single.figures(samples) if "http_single" in layers else []
    figures += http_hot.figures(samples) if "http_hot" in layers else []
    figures += http_hold.figures(samples) if "http_hold" in layers else []
    return figures + (serve_limit.figures(samples) if serve_limit.OWN_LISTENER in samples else [])
