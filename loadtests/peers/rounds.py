"""Measuring the sides in turns. Each runs alone: an idle instance of ours takes a sixth of a core, which the others need."""

from collections.abc import Sequence

from loadtests.bench.rounds import Say
from loadtests.peers.sample import Sample, Side

Samples = dict[tuple[str, str], list[Sample]]
"""By side and load, one sample for each round."""


def alternate(sides: Sequence[Side], rounds: int, say: Say) -> Samples:
    """Measure every load of every side once a round; every other round goes backwards, sides and loads."""
    samples: Samples = {}
    order = list(sides)
    for number in range(1, rounds + 1):
        for side in order:
            with side.open() as loads:
                for name in list(loads) if number % 2 else reversed(list(loads)):
                    sample = loads[name]()
                    say(f"round {number} of {rounds}: {side.name}, {name}: {sample.rate:,.0f}/s, p99 {sample.p99_ms:.1f} ms")
                    samples.setdefault((side.name, name), []).append(sample)
        order.reverse()
    return samples
