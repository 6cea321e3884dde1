"""How long to wait before a request is sent again, and when to give up."""

from random import Random
from time import monotonic

MAXIMUM_PAUSE_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.05
_MAXIMUM_DOUBLINGS = 5


class Unavailable(Exception):
    """The API could not be brought to answer in the time allowed. What was under way may or may not have happened;
    sending it again with the same key is safe. The message is one line; `status` is the last answer's, None if there was none."""

    def __init__(self, message: str, status: int | None) -> None:
        super().__init__(message)
        self.status = status


class Retries:
    """The pauses of one request: growing, spread at random, never shorter than the API asks, never longer than the limit."""

    def __init__(self, url: str, limit_seconds: float, random: Random) -> None:
        self.count = 0
        self._url = url
        self._limit_seconds = limit_seconds
        self._random = random
        self._started = monotonic()

    def next_pause(self, reason: str, retry_after_seconds: float | None = None, status: int | None = None) -> float:
        """Return the seconds to wait. Raises Unavailable when they would end after the time allowed."""
        pause = _FIRST_PAUSE_SECONDS * (1 << min(self.count, _MAXIMUM_DOUBLINGS)) * self._random.uniform(0.5, 1.0)
        if retry_after_seconds is not None:
            # Spread upwards only: coming back earlier than asked would be refused again.
            pause = max(pause, min(retry_after_seconds, MAXIMUM_PAUSE_SECONDS) * self._random.uniform(1.0, 1.2))
        if monotonic() + pause - self._started > self._limit_seconds:
            tried = f"; tried for {self._limit_seconds:g} s" if self._limit_seconds else ""
            raise Unavailable(f"{self._url} does not answer ({reason}){tried}", status)
        self.count += 1
        return pause
