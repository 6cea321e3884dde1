"""One measured figure: its samples, its goal, and the limit that it is compared with."""

from statistics import median
from typing import Literal

import msgspec

Comparison = Literal["at least", "less than", "at most"]


class Goal(msgspec.Struct, frozen=True):
    """What a figure's median must be."""

    comparison: Comparison
    value: float

    def is_met_by(self, value: float) -> bool:
        """Return whether the value is good enough."""
        if self.comparison == "at least":
            return value >= self.value
        return value <= self.value if self.comparison == "at most" else value < self.value


class Figure(msgspec.Struct, frozen=True):
    """Samples of one quantity in `unit`, one for each round.

    `limit`: what the same machine does at best, in the same unit; `limit_name` says what that was. `is_cost`: less is better.
    """

    layer: str
    name: str
    unit: str
    samples: list[float]
    goal: Goal | None = None
    limit: float | None = None
    limit_name: str | None = None
    is_cost: bool = False

    @property
    def median(self) -> float:
        """The median of the samples."""
        return median(self.samples)

    @property
    def share_of_limit(self) -> float | None:
        """How near to the limit the median is: 1 is at the limit, for rates and for costs; None without a limit."""
        if not self.limit or not self.median:
            return None
        return self.limit / self.median if self.is_cost else self.median / self.limit

    @property
    def is_passed(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        return self.goal.is_met_by(self.median) if self.goal else None


def ratios(numerators: list[float], denominators: list[float]) -> list[float]:
    """Return the ratio of two sides in each round."""
    return [numerator / denominator for numerator, denominator in zip(numerators, denominators, strict=True)]
