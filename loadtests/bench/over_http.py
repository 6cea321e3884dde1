"""The layers that need a running instance: they share one, and those that are compared share their rounds."""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from loadtests.bench import bare_uvicorn, host_kill, http_batch, http_hold, http_hot, http_single, http_two_hosts, serve_limit
from loadtests.bench.audit import audit
from loadtests.bench.cpu import CpuShares
from loadtests.bench.figure import Figure
from loadtests.bench.latency import Latency
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.profile import NoProfile, profile
from loadtests.bench.rounds import Say, alternate
from processor.client.load import LoadResult

SINGLES = ("http_single", "http_hot", "http_hold")
LAYERS = (*SINGLES, "http_batch", "http_two_hosts", "latency", "host_kill", "serve_limit")
_PROFILED_BATCH = 1_000
_PROFILE_ROUNDS = 3


class Findings:
    """What is found out, bit by bit: figures, notes on how they came about, and which processes worked under each load."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.notes: list[str] = []
        self.cpu: dict[str, CpuShares] = {}


def measure(layers: Collection[str], options: Options, say: Say, found: Findings) -> None:
    """Add what these layers show to `found`. Raises BenchFailed if money was made or lost."""
    if set(layers) - {"serve_limit"}:
        _payments(layers, options, say, found)
    if "serve_limit" in layers and not options.skip_serve_limit:
        _serve_limit(options, say, found)


def _payments(layers: Collection[str], options: Options, say: Say, found: Findings) -> None:
    with PaymentsInstance(options, say) as payments:
        if set(SINGLES) & set(layers):
            _singles(layers, payments, options, say, found)
        if "http_batch" in layers:
            found.figures += http_batch.figures(alternate(http_batch.sides(payments, options), options.rounds, say, warm_up=True))
        if "latency" in layers:
            found.figures += Latency(payments, options).measure(options.rounds, say)
        if options.profile is not None:
            _profile(layers, payments, Path(options.profile), options, say, found)
        if "http_two_hosts" in layers:
            samples = alternate(http_two_hosts.sides(payments, options), options.rounds, say, warm_up=True)
            found.figures += http_two_hosts.figures(samples)
        if "host_kill" in layers:
            found.figures += host_kill.measure(payments, options, say)
        say("money audit")
        found.notes.append(audit(payments))
        found.cpu = payments.meter.shares


def _singles(layers: Collection[str], payments: PaymentsInstance, options: Options, say: Say, found: Findings) -> None:
    """Measure payments and bare uvicorn side by side."""
    sides = [http_single.side(payments, options)]
    if "http_hot" in layers:
        sides.append(http_hot.side(payments, options))
    if "http_hold" in layers:
        sides.append(http_hold.side(payments, options))
    with bare_uvicorn.BareUvicorn() as limit:
        metered = [payments.meter.metered(side) for side in sides]
        samples = alternate([*metered, limit.side(options)], options.rounds, say, warm_up=True)
    for layer, module in (("http_single", http_single), ("http_hot", http_hot), ("http_hold", http_hold)):
        if layer in layers:
            found.figures += module.figures(samples)


def _serve_limit(options: Options, say: Say, found: Findings) -> None:
    say(f"starting Serve's empty handlers; {serve_limit.OPEN_PORTS}")
    found.notes.append(serve_limit.OPEN_PORTS)
    with ExitStack() as stack:
        sides = stack.enter_context(serve_limit.LimitNode()).sides(options)
        sides.append(stack.enter_context(bare_uvicorn.BareUvicorn()).side(options))
        found.figures += serve_limit.figures(alternate(sides, options.rounds, say, warm_up=True))


def _profile(
    layers: Collection[str], payments: PaymentsInstance, folder: Path, options: Options, say: Say, found: Findings
) -> None:
    loads: dict[str, Callable[[float], LoadResult]] = {
        "http_single": lambda seconds: payments.singles("random_accounts", seconds),
        "http_hot": lambda seconds: payments.singles("one_hot_account", seconds),
        "http_hold": payments.holds,
        "http_batch": lambda seconds: payments.batches(_PROFILED_BATCH, http_batch.CONNECTIONS[_PROFILED_BATCH], seconds),
    }
    seconds = max(1, round(_PROFILE_ROUNDS * options.seconds))
    for layer, load in loads.items():
        if layer in layers:
            say(f"profiling {layer}")
            try:
                note = profile(layer, folder, seconds, partial(_shares_of, payments, load))
            except NoProfile as error:
                note = f"no profile of {layer}: {error}"
            found.notes.append(note)


def _shares_of(payments: PaymentsInstance, load: Callable[[float], LoadResult], seconds: float) -> CpuShares:
    load(seconds)
    return payments.meter.last
