"""Waiting for what another process will do. The limit is for a test that fails: nothing passes because of it."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
_POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], Value], what: str, timeout_seconds: float = 240) -> Value:
    """Return the condition's value as soon as it is true. Fails with `what` after the timeout."""
    give_up_at = time.monotonic() + timeout_seconds
    while not (value := condition()):
        assert time.monotonic() < give_up_at, f"waited {timeout_seconds:g} s in vain for: {what}"
        time.sleep(_POLL_SECONDS)
    return value
