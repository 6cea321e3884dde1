"""How the load changes over a run: the share of the full rate (or of the users) at each moment."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import sqrt
from typing import Literal, get_args

LoadShape = Literal["constant", "ramp", "spike", "soak"]
LOAD_SHAPES: tuple[LoadShape, ...] = get_args(LoadShape)

# (share of the run, share of the full load), joined by straight lines; two points at one moment are a jump.
_POINTS: dict[LoadShape, Sequence[tuple[float, float]]] = {
    "constant": ((0.0, 1.0), (1.0, 1.0)),
    "ramp": ((0.0, 0.05), (1.0, 1.0)),
    "spike": ((0.0, 0.2), (0.4, 0.2), (0.4, 1.0), (0.6, 1.0), (0.6, 0.2), (1.0, 0.2)),
    "soak": ((0.0, 0.1), (0.02, 1.0), (1.0, 1.0)),
}
DEFAULT_SECONDS: dict[LoadShape, float] = {"constant": 30.0, "ramp": 60.0, "spike": 60.0, "soak": 1_800.0}


def load_at(shape: LoadShape, share: float) -> float:
    """Return the share of the full load at this share of the run; zero before and after it."""
    for (begin, first), (end, last) in pairwise(_POINTS[shape]):
        if begin <= share < end:
            return first + (last - first) * (share - begin) / (end - begin)
    return 0.0


def instants(shape: LoadShape, seconds: float, amounts: Iterator[float]) -> Iterator[float]:
    """Yield when, in seconds, each of these rising amounts has been reached; end with the first that the run does not reach.

    An amount is the area under the shape: with the full load all the time it is the time itself.
    """
    amount = next(amounts)
    before = 0.0
    for (begin, first), (end, last) in pairwise(_POINTS[shape]):
        length = (end - begin) * seconds
        area = (first + last) / 2 * length
        while amount < before + area:
            yield begin * seconds + _crossing(first, (last - first) / length, amount - before)
            amount = next(amounts)
        before += area


def _crossing(height: float, slope: float, area: float) -> float:
    """Return the width at which a trapezium that begins so high and rises so fast has this area."""
    if not slope:
        return area / height
    # Of the two forms of the root this one stays exact as the slope goes to zero.
    return 2 * area / (height + sqrt(height * height + 2 * slope * area))
