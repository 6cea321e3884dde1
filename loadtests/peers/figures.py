"""Figures out of the samples: rates, latencies, and how ours compare, with the goals."""

from collections.abc import Sequence
from statistics import median

import msgspec

from loadtests.bench.figure import Figure, Goal, ratios
from loadtests.peers import empty, ours, set_based
from loadtests.peers.rounds import Samples
from loadtests.peers.sample import BATCHES, HOT, LARGEST_BATCHES, RANDOM

LAYER = "peers"
SINGLES_GOAL = Goal("at least", 8_000)
LATENCY_GOAL = Goal("at most", 0.5)
HOT_GOAL = Goal("at least", 0.95)
LIMIT_GOAL = Goal("at least", 0.3)


class Comparison(msgspec.Struct, frozen=True):
    """Our rate under one load against a peer's: `times` is the goal."""

    load: str
    peer: str
    peer_load: str
    times: float


COMPARISONS = (
    Comparison(RANDOM, "plain", RANDOM, 7),
    Comparison(RANDOM, "procedure", RANDOM, 3.5),
    Comparison(RANDOM, "group_commit", RANDOM, 2.7),
    Comparison(RANDOM, "tigerbeetle", RANDOM, 3),
    Comparison(HOT, "plain", HOT, 11),
    Comparison(HOT, "procedure", HOT, 4),
    Comparison(HOT, "group_commit", HOT, 2.6),
    Comparison(HOT, "tigerbeetle", HOT, 3),
    Comparison(BATCHES, set_based.NAME, set_based.load_name(1), 4),
    Comparison(BATCHES, set_based.NAME, set_based.load_name(2), 4),
    Comparison(BATCHES, "tigerbeetle", LARGEST_BATCHES, 1),
)


def figures_of(samples: Samples) -> list[Figure]:
    """Return all figures that these samples give, the rates first."""
    comparisons = [comparison for comparison in COMPARISONS if (comparison.peer, comparison.peer_load) in samples]
    return [*_rates(samples), *_against_the_limit(samples), *_compared(samples, comparisons), *_latencies(samples)]


def rates(samples: Samples, side: str, load: str) -> list[float]:
    """Return the rates of one load of one side, round by round."""
    return [sample.rate for sample in samples[side, load]]


def _rates(samples: Samples) -> list[Figure]:
    limit = median(rates(samples, empty.NAME, RANDOM)) if (empty.NAME, RANDOM) in samples else None
    found = []
    for side, load in samples:
        goal = SINGLES_GOAL if (side, load) == (ours.NAME, RANDOM) else None
        is_limited = load in (RANDOM, HOT) and side != empty.NAME and limit is not None
        unit = "requests/s" if side == empty.NAME else "payments/s"
        figure = Figure(LAYER, _title(side, load), unit, rates(samples, side, load), goal)
        if is_limited:
            figure = msgspec.structs.replace(figure, limit=limit, limit_name="bare uvicorn, an empty ASGI handler")
        found.append(figure)
    return found


def _against_the_limit(samples: Samples) -> list[Figure]:
    found = []
    if (empty.NAME, RANDOM) in samples and (ours.NAME, RANDOM) in samples:
        shares = ratios(rates(samples, ours.NAME, RANDOM), rates(samples, empty.NAME, RANDOM))
        found.append(Figure(LAYER, f"ours to {empty.NAME}, {RANDOM}", "ratio", shares, LIMIT_GOAL))
    if (ours.NAME, HOT) in samples:
        shares = ratios(rates(samples, ours.NAME, HOT), rates(samples, ours.NAME, RANDOM))
        found.append(Figure(LAYER, f"ours, {HOT} to {RANDOM}", "ratio", shares, HOT_GOAL))
    return found


def _compared(samples: Samples, comparisons: Sequence[Comparison]) -> list[Figure]:
    found = []
    for comparison in comparisons:
        against = ratios(rates(samples, ours.NAME, comparison.load), rates(samples, comparison.peer, comparison.peer_load))
        name = f"ours to {_title(comparison.peer, comparison.peer_load)}"
        found.append(Figure(LAYER, name, "ratio", against, Goal("at least", comparison.times)))
    for comparison in comparisons:
        if comparison.load == BATCHES:
            continue  # A request of ours holds other numbers of payments than a call of theirs.
        ours_ms = [sample.p99_ms for sample in samples[ours.NAME, comparison.load]]
        theirs_ms = [sample.p99_ms for sample in samples[comparison.peer, comparison.peer_load]]
        name = f"p99, ours to {_title(comparison.peer, comparison.peer_load)}"
        found.append(Figure(LAYER, name, "ratio", ratios(ours_ms, theirs_ms), LATENCY_GOAL))
    return found


def _latencies(samples: Samples) -> list[Figure]:
    found = []
    for (side, load), measured in samples.items():
        found.append(Figure(LAYER, f"{_title(side, load)}, p50", "ms", [sample.p50_ms for sample in measured], is_cost=True))
        found.append(Figure(LAYER, f"{_title(side, load)}, p99", "ms", [sample.p99_ms for sample in measured], is_cost=True))
    return found


def _title(side: str, load: str) -> str:
    if (side, load) == (ours.NAME, BATCHES):
        return f"{side}, batches of {ours.BATCH_PAYMENTS:,} over {ours.BATCH_CONNECTIONS} connections"
    return f"{side}, {load}"
