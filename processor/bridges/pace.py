"""How hard a bridge works, and how long it waits after a failure: payments come first."""

from random import Random
from time import monotonic, process_time

GATHER_SECONDS = 0.05
"""How long a batch that was not full takes at least: each costs the database a transaction, so payments that come in one after another
share them."""

BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 30.0

_FULL = 0.5


class Pace:
    """Keeps this process's work, averaged over a batch, at a share of one core's time. Waiting for a target is no work."""

    def __init__(self, share: float) -> None:
        """`share`: 1 is all of the time."""
        self._share = share
        self.begin()

    def begin(self) -> None:
        """A batch begins."""
        self._began = monotonic()
        self._worked = process_time()

    def rest_seconds(self, fullness: float) -> float:
        """Return how long to rest after the batch, which held this much of what a batch may hold."""
        passed, worked = monotonic() - self._began, process_time() - self._worked
        return max(0.0, worked / self._share - passed, 0.0 if fullness >= _FULL else GATHER_SECONDS - passed)


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
