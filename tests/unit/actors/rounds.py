"""Letting the event loop go round until something is so, without a clock."""

import asyncio
from collections.abc import Callable

ROUNDS_MAX = 10_000


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds. Raises AssertionError if it never does."""
    for _ in range(ROUNDS_MAX):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("what the test waits for does not happen")
