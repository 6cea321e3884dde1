"""Measuring several sides of a comparison in alternation, so that whatever else the machine does hits all of them alike."""

from collections.abc import Callable, Sequence

import msgspec

Say = Callable[[str], None]


class Side(msgspec.Struct, frozen=True):
    """One side of a comparison. `measure` makes one measurement and returns its figure."""

    name: str
    measure: Callable[[], float]


def alternate(sides: Sequence[Side], rounds: int, say: Say, warm_up: bool = False) -> dict[str, list[float]]:
    """Return each side's figures, one for each round. A round to warm up is not counted; every other round goes backwards."""
    samples: dict[str, list[float]] = {side.name: [] for side in sides}
    order = list(sides)
    for number in range(0 if warm_up else 1, rounds + 1):
        for side in order:
            figure = side.measure()
            say(f"{f'round {number} of {rounds}' if number else 'warm-up'}: {side.name}: {figure:,.6g}")
            if number:
                samples[side.name].append(figure)
        order.reverse()
    return samples
