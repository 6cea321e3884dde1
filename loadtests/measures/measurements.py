"""Counts and latencies of one process's requests, over time."""

from collections.abc import Iterable
from math import ceil

import msgspec

from loadtests.measures.histogram import Histogram

INTERVALS_MAX = 600
DIFFERENCES_MAX = 20
NO_ANSWER = 0
"""In place of a status: no final answer came in time."""


class Interval(msgspec.Struct):
    """A stretch of the run. Offered, dropped, errors and latency belong to when a request was due; `paid` to when it was answered."""

    offered: int = 0
    dropped: int = 0
    errors: int = 0
    paid: int = 0
    latency: Histogram = msgspec.field(default_factory=Histogram)


class Measurements(msgspec.Struct):
    """What requests became. `latency` is from when a request was due to its final answer, `lag` from then to when it was sent.

    `not_started` and `timed_out` together are the requests dropped: for the first no connection was free in time, the second
    were sent, but had no final answer in time. `statuses` are final ones, of requests; `retried` counts by reason what was sent
    again. `differences` say where an answer was not what it had to be.
    """

    interval_seconds: float = 1.0
    offered: int = 0
    not_started: int = 0
    timed_out: int = 0
    paid: int = 0
    errors: int = 0
    repeats: int = 0
    statuses: dict[int, int] = {}
    retried: dict[str, int] = {}
    differences: list[str] = []
    latency: Histogram = msgspec.field(default_factory=Histogram)
    lag: Histogram = msgspec.field(default_factory=Histogram)
    intervals: list[Interval] = []
    cpu_seconds: float = 0.0
    last_answer_seconds: float = 0.0

    @property
    def dropped(self) -> int:
        """Requests that were due and never answered in time."""
        return self.not_started + self.timed_out

    def at(self, seconds: float) -> Interval:
        """Return the interval of this moment, in seconds since the start."""
        place = max(int(seconds / self.interval_seconds), 0)
        while len(self.intervals) <= place:
            self.intervals.append(Interval())
        return self.intervals[place]

    def due(self, due: float) -> None:
        """Count a request that is due."""
        self.offered += 1
        self.at(due).offered += 1

    def drop_unsent(self, due: float) -> None:
        """Count a request for which no connection was free in time."""
        self.not_started += 1
        self.at(due).dropped += 1

    def answer(self, due: float, sent: float, done: float, status: int, paid: int) -> None:
        """Count a request that was sent, its final status, and the payments that it made."""
        self.lag.add(sent - due)
        interval = self.at(due)
        if status == NO_ANSWER:
            self.timed_out += 1
            interval.dropped += 1
            return
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.latency.add(done - due)
        interval.latency.add(done - due)
        if not 200 <= status < 300:
            self.errors += 1
            interval.errors += 1
        self.paid += paid
        self.at(done).paid += paid
        self.last_answer_seconds = max(self.last_answer_seconds, done)

    def retry(self, reason: str) -> None:
        """Count a request that was sent again."""
        self.retried[reason] = self.retried.get(reason, 0) + 1

    def differ(self, difference: str) -> None:
        """Note an answer that is not what it had to be; it is an error whatever its status."""
        self.errors += 1
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(difference)


def interval_seconds(run_seconds: float) -> float:
    """Return how long the intervals of a run are: a second, or more where there would be too many."""
    return float(max(1, ceil(run_seconds / INTERVALS_MAX)))


def merged(parts: Iterable[Measurements]) -> Measurements:
    """Return the sum of what several processes measured at the same time in intervals of the same length."""
    whole = Measurements()
    for part in parts:
        whole.interval_seconds = part.interval_seconds
        for name in ("offered", "not_started", "timed_out", "paid", "errors", "repeats", "cpu_seconds"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        for status, count in part.statuses.items():
            whole.statuses[status] = whole.statuses.get(status, 0) + count
        for reason, count in part.retried.items():
            whole.retried[reason] = whole.retried.get(reason, 0) + count
        whole.differences = (whole.differences + part.differences)[:DIFFERENCES_MAX]
        whole.latency.merge(part.latency)
        whole.lag.merge(part.lag)
        whole.last_answer_seconds = max(whole.last_answer_seconds, part.last_answer_seconds)
        for place, interval in enumerate(part.intervals):
            _add(whole.at(place * whole.interval_seconds), interval)
    return whole


def _add(to: Interval, interval: Interval) -> None:
    for name in ("offered", "dropped", "errors", "paid"):
        setattr(to, name, getattr(to, name) + getattr(interval, name))
    to.latency.merge(interval.latency)
