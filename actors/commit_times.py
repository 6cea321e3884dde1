"""How long commits take, over the last thousand of them."""

from collections import deque
from collections.abc import Sequence

RETRY_AFTER_SECONDS_MIN = 0.1
RETRY_AFTER_SECONDS_MAX = 5.0


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the ordered values lie; 0.0 if there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class CommitTimes:
    """Counts since the start, and durations in seconds of the newest commits."""

    def __init__(self) -> None:
        self.turns = 0
        self.messages = 0
        self.decide_seconds = 0.0
        self.append_seconds = 0.0
        self._recent: deque[tuple[int, float]] = deque(maxlen=1000)

    def observe(self, messages: int, decide_seconds: float, append_seconds: float) -> None:
        """Take note of one turn."""
        self.turns += 1
        self.messages += messages
        self.decide_seconds += decide_seconds
        self.append_seconds += append_seconds
        self._recent.append((messages, decide_seconds + append_seconds))

    def commit_seconds(self, share: float) -> float:
        """Return a percentile of recent turns' durations."""
        return percentile(sorted(seconds for _, seconds in self._recent), share)

    def drain_seconds(self, queued: int) -> float:
        """Return how long that many messages will take at the recent rate, within what a client should be told to wait."""
        messages = sum(count for count, _ in self._recent)
        seconds = sum(seconds for _, seconds in self._recent)
        expected = queued * seconds / messages if messages else RETRY_AFTER_SECONDS_MIN
        return min(RETRY_AFTER_SECONDS_MAX, max(RETRY_AFTER_SECONDS_MIN, expected))
