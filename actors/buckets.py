"""A histogram that costs little to add to, and can be handed to another process."""

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Bounds for durations: from a turn without work to a host that stands still."""

MESSAGES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0)
"""Bounds for how many messages go together."""


class Distribution(msgspec.Struct, frozen=True):
    """How many values lay at or below each bound and above the one before; the last count is of those above all bounds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float

    def cumulated(self) -> list[tuple[str, float]]:
        """Return the buckets as Prometheus has them: upper bound as text, and the number of values up to there."""
        running, found = 0, []
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            running += count
            found.append(("+Inf" if bound == float("inf") else str(bound), float(running)))
        return found


class Buckets:
    """Counts values by size."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` are ascending; a value belongs to the first bound that it does not pass."""
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    @property
    def count(self) -> int:
        """How many values were added."""
        return sum(self._counts)

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def read(self) -> Distribution:
        """Return what was counted so far."""
        return Distribution(self._bounds, tuple(self._counts), self.total)
