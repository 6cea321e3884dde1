"""Requests are sent when they are due, not when the one before is answered, and timed from then.

Were a request only timed from when it was sent, an instance that stalls would hide it: nothing would be sent while it stalls
(coordinated omission). Here what became due meanwhile counts with the time that it had to wait.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from loadtests.measures.measurements import Measurements

PATIENCE_SHARE = 0.5
"""A request waits for a free connection for this share of its time at most: sent any later it would only be given up half-way."""

Send = Callable[[int, float], tuple[int, int]]
"""(number, deadline on the clock) -> (final status, payments made)."""


class Clock(Protocol):
    """Time in seconds, and waiting for it."""

    def now(self) -> float:
        """Return the time."""

    def sleep_until(self, moment: float) -> None:
        """Return at that time, or at once if it is past."""


class OpenLoop:
    """One schedule, which any number of connections drive together: each takes the next request that is due."""

    def __init__(
        self, due_times: Iterator[float], clock: Clock, timeout_seconds: float, measurements: Measurements, numbers: Iterator[int]
    ) -> None:
        """`due_times` are seconds since now. A request is dropped that is not sent half of `timeout_seconds` after it was due,
        or not answered after all of it."""
        self._due_times = due_times
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._measurements = measurements
        self._numbers = numbers
        self._started = clock.now()
        self._stopped_at = float("inf")

    def drive(self, send: Send) -> None:
        """Send what is due over one connection, until the schedule ends or the loop is stopped."""
        for due in self._due_times:
            self._clock.sleep_until(self._started + due)
            if self._started + due > self._stopped_at:
                return
            self._send_one(send, due)

    def stop(self) -> None:
        """Send nothing more; what is under way may still be answered, and what was due before and not sent counts as dropped."""
        self._stopped_at = self._clock.now()

    def _send_one(self, send: Send, due: float) -> None:
        self._measurements.due(due)
        sent = self._clock.now() - self._started
        if sent - due >= self._timeout_seconds * PATIENCE_SHARE or self._started + sent > self._stopped_at:
            self._measurements.drop_unsent(due)
            return
        status, paid = send(next(self._numbers), self._started + due + self._timeout_seconds)
        self._measurements.answer(due, sent, self._clock.now() - self._started, status, paid)
