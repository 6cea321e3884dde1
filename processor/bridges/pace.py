"""How hard a bridge works, and how long it waits after a failure: payments come first."""

from random import Random
from time import monotonic, process_time

POLL_SECONDS = 0.05
GATHER_SECONDS = 0.2
"""How long to rest where payments come in all the time: a batch costs about as much as a few hundred events, so they share one."""

BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 30.0

_FULL = 0.5
_BUSY_RECORDS = 16


class Pace:
    """Keeps all that this process does at a share of one core's time. Waiting for a target is no work."""

    def __init__(self, share: float) -> None:
        """`share`: 1 is all of the time."""
        self._share = share
        self._owed_seconds = 0.0
        self._looked = monotonic()
        self._worked = process_time()

    def rest_seconds(self, fullness: float, records: int) -> float:
        """Return how long to rest after a batch of so many records, which held this much of what a batch may hold."""
        looked, worked = monotonic(), process_time()
        owed = self._owed_seconds + (worked - self._worked) / self._share - (looked - self._looked)
        # Time in which there was nothing to do is not saved up.
        self._looked, self._worked, self._owed_seconds = looked, worked, max(0.0, owed)
        if fullness >= _FULL:
            return self._owed_seconds
        return max(self._owed_seconds, GATHER_SECONDS if records >= _BUSY_RECORDS else POLL_SECONDS)


class Backoff:
    """Growing pauses, each shortened by chance so that bridges which failed together do not all come back at once."""

    def __init__(self, seconds_max: float = BACKOFF_SECONDS_MAX, random: Random | None = None) -> None:
        self._seconds_max = seconds_max
        self._random = random or Random()
        self.failures = 0

    def next_seconds(self) -> float:
        """Return how long to wait after one more failure."""
        longest = min(self._seconds_max, BACKOFF_SECONDS_MIN * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return longest * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Something has worked."""
        self.failures = 0
