"""Running several coroutines at once, where one failure ends all."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

Value = TypeVar("Value")


async def run_together(coroutines: Iterable[Coroutine[Any, Any, Value]]) -> list[Value]:
    """Return the coroutines' results in order. The first error cancels the others and is raised itself.

    A TaskGroup would wrap it in an ExceptionGroup, which every caller here would have to take apart again.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
