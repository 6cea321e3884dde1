"""How hard an endpoint is tried: as fast as it takes events, and gently while it takes none."""

WINDOW_MAX = 16
"""Messages under way to one endpoint at a time."""

CLAIM_MAX = 512
_CLAIM_SECONDS = 2.0
_FAILURES_BORNE = 8
_REST_SECONDS_MAX = 60.0
RETRY_AFTER_SECONDS_MAX = 300.0
"""For so long at most an endpoint is let alone on its own wish; the event itself may wait longer."""

_WEIGHT = 0.1


class Pace:
    """What is known of one endpoint's speed. `window`: how many messages may be under way to it."""

    def __init__(self) -> None:
        self.window = WINDOW_MAX // 2
        self._seconds = 1.0
        self._failures = 0

    def note(self, seconds: float, is_well: bool, retry_after_seconds: float | None) -> float:
        """Take in how long an answer took, and whether the receiver is well; return for how long to let it alone."""
        self._seconds += (seconds - self._seconds) * _WEIGHT
        if is_well:
            self._failures = 0
            self.window = min(self.window + 1, WINDOW_MAX)
            return 0.0
        self._failures += 1
        self.window = max(self.window // 2, 1)
        return max(rest_seconds(self._failures), min(retry_after_seconds or 0.0, RETRY_AFTER_SECONDS_MAX))

    @property
    def claim_limit(self) -> int:
        """How many events to take at a time: what can be sent within about two seconds."""
        return max(self.window, min(CLAIM_MAX, int(self.window * _CLAIM_SECONDS / max(self._seconds, 0.001))))


def rest_seconds(failures: int) -> float:
    """Return for how long to let an endpoint alone that has failed so often in a row: a dead one is tried once a minute."""
    return 0.0 if failures < _FAILURES_BORNE else min(2.0 ** min(failures - _FAILURES_BORNE, 10), _REST_SECONDS_MAX)
