"""How long requests took, and when."""

from array import array
from math import ceil
from typing import Self


class Latencies:
    """When each request was sent (monotonic seconds) and how long its answer took, retries included."""

    def __init__(self) -> None:
        self._started = array("d")
        self._seconds = array("d")
        self._sorted: list[float] | None = None

    def __len__(self) -> int:
        return len(self._seconds)

    def add(self, started: float, seconds: float) -> None:
        """Remember one request."""
        self._started.append(started)
        self._seconds.append(seconds)
        self._sorted = None

    def without(self, begin: float, end: float) -> Self:
        """Return the latencies of the requests that were not under way at any moment from `begin` to `end`."""
        kept = type(self)()
        for started, seconds in zip(self._started, self._seconds, strict=True):
            if started > end or started + seconds < begin:
                kept.add(started, seconds)
        return kept

    def percentile_ms(self, percent: float) -> float:
        """Return the smallest latency that at least `percent` % of the requests did not exceed; NaN if there are none."""
        if self._sorted is None:
            self._sorted = sorted(self._seconds)
        count = len(self._sorted)
        if not count:
            return float("nan")
        # Rounded, since 99.9 % of 1,000 is not a whole number in binary.
        rank = max(ceil(round(percent * count, 6) / 100), 1)
        return self._sorted[rank - 1] * 1000.0
