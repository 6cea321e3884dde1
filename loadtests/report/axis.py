"""Scales of charts: where a value lies, and which values are marked."""

from collections.abc import Iterable
from math import ceil, floor, log10

import msgspec

TICKS_MAX = 6


class Axis(msgspec.Struct, frozen=True):
    """Values from `lowest` to `highest`, drawn from `start` to `end`; evenly, or by their logarithms."""

    lowest: float
    highest: float
    start: float
    end: float
    is_logarithmic: bool = False

    def place(self, value: float) -> float:
        """Return where the value is drawn; values beyond the axis are drawn at its ends."""
        value = min(max(value, self.lowest), self.highest)
        if self.is_logarithmic:
            share = log10(value / self.lowest) / log10(self.highest / self.lowest)
        else:
            share = (value - self.lowest) / (self.highest - self.lowest)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """The values that are marked: powers of ten, or round steps."""
        if self.is_logarithmic:
            return [10.0**power for power in range(round(log10(self.lowest)), round(log10(self.highest)) + 1)]
        step = round_step(self.highest - self.lowest)
        return [step * number for number in range(ceil(self.lowest / step), floor(self.highest / step + 1e-9) + 1)]


def linear(values: Iterable[float], start: float, end: float) -> Axis:
    """Return an axis from zero to a round value that is not below any of these."""
    highest = max(values, default=0.0) or 1.0
    step = round_step(highest)
    return Axis(0.0, ceil(highest / step - 1e-9) * step, start, end)


def logarithmic(values: Iterable[float], start: float, end: float) -> Axis:
    """Return an axis from one power of ten to another, with all of these (above zero) between them."""
    known = [value for value in values if value > 0] or [1.0]
    low, high = floor(log10(min(known))), ceil(log10(max(known)))
    return Axis(10.0**low, 10.0 ** max(high, low + 1), start, end, is_logarithmic=True)


def round_step(length: float) -> float:
    """Return the least of 1, 2 and 5 times a power of ten that divides a length into few steps."""
    power = 10.0 ** floor(log10(length / TICKS_MAX))
    return next(step * power for step in (1, 2, 5, 10) if length / (step * power) <= TICKS_MAX)


def number(value: float) -> str:
    """Return a value as it is written at an axis and in tables."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.3g}"
