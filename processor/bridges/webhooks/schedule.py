"""When an event that was not taken is sent again."""

_HOUR = 3600.0
RETRY_SECONDS = (5.0, 30.0, 120.0, 600.0, 1800.0, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 8 * _HOUR)
"""How long to wait after the first, the second, ... failed attempt: a day in all, less a few minutes. After the last one it has failed."""

ATTEMPTS_MAX = len(RETRY_SECONDS) + 1
JITTER = 0.1
"""By what part a pause may be longer or shorter, so that events that failed together do not come again together."""

RETRY_AFTER_SECONDS_MAX = 6 * _HOUR
"""A receiver may ask for a longer pause than is due, up to this one; never for a shorter one."""


def retry_seconds(attempts: int, chance: float, retry_after_seconds: float | None = None) -> float | None:
    """Return how long to wait after so many failed attempts, or None if that was the last one.

    `chance`: a random number from 0 to 1. `retry_after_seconds`: what the receiver asked for, if it did.
    """
    if attempts >= ATTEMPTS_MAX:
        return None
    pause = RETRY_SECONDS[attempts - 1] * (1 - JITTER + 2 * JITTER * chance)
    return max(pause, min(retry_after_seconds or 0.0, RETRY_AFTER_SECONDS_MAX))
