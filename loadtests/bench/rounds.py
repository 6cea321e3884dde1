"""Measuring several sides of a comparison in alternation, so that whatever else the machine does hits all of them alike."""

from collections.abc import Callable, Sequence

import msgspec

Say = Callable[[str], None]


class Side(msgspec.Struct, frozen=True):
    """One side of a comparison. `measure` makes one measurement and returns its figure."""

    name: str
    measure: Callable[[], float]


def alternate(sides: Sequence[Side], rounds: int, say: Say, warm_up: bool = False) -> dict[str, list[float]]:
    """Return each side's figures, one for each round; every other round goes backwards. A round to warm up is not counted."""
    samples: dict[str, list[float]] = {side.name: [] for side in sides}
    for side in sides if warm_up else ():
        say(f"warm-up: {side.name}: {side.measure():,.6g}")
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            figure = side.measure()
            samples[side.name].append(figure)
            say(f"round {number + 1} of {rounds}: {side.name}: {figure:,.6g}")
    return samples
