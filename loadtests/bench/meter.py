"""Which processes worked under the load of which side."""

from collections import defaultdict
from collections.abc import Callable

from loadtests.bench.cpu import CpuShares, together
from loadtests.bench.failure import BenchFailed
from loadtests.bench.rounds import Side


class Meter:
    """Takes note of each load's shares, and books them to the side that it was made for."""

    def __init__(self) -> None:
        self._last: CpuShares | None = None
        self._booked: dict[str, list[CpuShares]] = defaultdict(list)

    @property
    def last(self) -> CpuShares:
        """The shares of the newest load. Raises BenchFailed if there was none."""
        if self._last is None:
            raise BenchFailed("no load has run yet")
        return self._last

    @property
    def shares(self) -> dict[str, CpuShares]:
        """The shares by side, without those of its first round, to warm up."""
        return {name: together(rounds[1:] or rounds) for name, rounds in self._booked.items()}

    def note(self, shares: CpuShares) -> None:
        """Take note of one load."""
        self._last = shares

    def metered(self, side: Side) -> Side:
        """Return the side; the last load of each measurement is booked to it."""
        return Side(side.name, lambda: self._measure(side.name, side.measure))

    def _measure(self, name: str, measure: Callable[[], float]) -> float:
        figure = measure()
        self._booked[name].append(self.last)
        return figure
