"""Running a blocking call beside the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Value = TypeVar("Value")


async def in_background(function: Callable[[], Value]) -> Value:
    """Return what `function` returns, run in a thread of its own.

    The thread is a daemon, unlike those of asyncio.to_thread: a read from a terminal or a pipe may block for ever, and must not
    keep the program from ending.
    """
    future: Future[Value] = Future()
    future.set_running_or_notify_cancel()  # From here on nobody but the thread settles it.

    def run() -> None:
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(future)
