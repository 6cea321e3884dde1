"""An event loop with a virtual clock, a seeded order of callbacks, and processes that can be paused or killed between any two of them.

Nothing waits: when no callback is ready, time jumps to the next timer. A killed process's callbacks are dropped, not cancelled: no
`finally` runs, as after SIGKILL. A paused one's gather until it is resumed, as after SIGSTOP.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, TypeVar

from actors.host import HostGone

T = TypeVar("T")

CALLBACKS_MAX = 3_000_000
"""No run is meant to be longer: what goes on for more is a loop that never comes to rest."""


class Stuck(Exception):
    """The run does not come to an end."""


class Process:
    """Everything that dies together. `clock_offset_seconds` is how far its wall clock is off."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.is_paused = False
        self.clock_offset_seconds = 0.0
        self.backlog: list[Handle] = []


class Handle:
    """A scheduled callback. Has what asyncio asks of its handles."""

    __slots__ = ("_when", "args", "callback", "is_cancelled", "process")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], process: Process, when: float) -> None:
        self.callback = callback
        self.args = args
        self._when = when
        self.process = process
        self.is_cancelled = False

    def cancel(self) -> None:
        """Do not call back."""
        self.is_cancelled = True

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.is_cancelled

    def when(self) -> float:
        """The time it was scheduled for."""
        return self._when


_serial = count()


class VirtualTask(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where it lies in memory."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], loop: Any) -> None:
        self._serial = next(_serial)
        super().__init__(coroutine, loop=loop)

    def __hash__(self) -> int:
        return self._serial


class VirtualLoop:
    """What asyncio's tasks, futures, events and timeouts need of a loop, and nothing else."""

    def __init__(self, random: Random) -> None:
        self._random = random.random
        self._now = 0.0
        self._ready: list[Handle] = []
        self._timers: list[tuple[float, int, Handle]] = []
        self._numbers = count()
        self._is_closed = False
        self._called = 0
        self._kept: list[VirtualTask] = []
        self.process = Process("operator")
        """The process whose callback is being run: what it schedules is its own."""
        self.failures: list[dict[str, Any]] = []

    # Scheduling.

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: object = None) -> Any:
        handle = Handle(callback, args, self.process, self._now)
        if not self._is_closed:
            self._ready.append(handle)
        return handle

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: object = None) -> Any:
        return self.call_in(self.process, when, callback, *args)

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: object = None) -> Any:
        return self.call_in(self.process, self._now + delay, callback, *args)

    def call_in(self, process: Process, when: float, callback: Callable[..., object], *args: Any) -> Handle:
        """Call back at a time, as a part of another process: the only way from one process into another."""
        handle = Handle(callback, args, process, when)
        heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def run_as(self, process: Process, work: Callable[..., T], *args: Any) -> T:
        """Do something at once as a part of another process, and return what it returns."""
        before, self.process = self.process, process
        try:
            return work(*args)
        finally:
            self.process = before

    def create_future(self) -> Any:
        loop: Any = self
        return asyncio.Future(loop=loop)

    def create_task(self, coro: Any, *, name: object = None, context: object = None) -> Any:
        task = VirtualTask(coro, self)
        # A dead process's tasks must not be collected before the end: that would run their `finally` blocks.
        self._kept.append(task)
        return task

    # Processes.

    def kill(self, process: Process) -> None:
        """End a process between two of its callbacks."""
        process.is_dead = True
        process.backlog.clear()

    def resume(self, process: Process) -> None:
        """Let a paused process go on; its timers have run on meanwhile."""
        process.is_paused = False
        self._ready.extend(process.backlog)
        process.backlog.clear()

    # Running.

    def run_until_complete(self, work: Coroutine[Any, Any, T]) -> T:
        loop: Any = self
        asyncio._set_running_loop(loop)
        task = self.create_task(work)
        try:
            while not task.done():
                self._step()
        finally:
            asyncio._set_running_loop(None)
        result: T = task.result()
        return result

    def _step(self) -> None:
        ready = self._ready
        if not ready:
            self._pass_time()
            return
        handle = ready.pop()
        if ready:
            position = int(self._random() * (len(ready) + 1))
            if position < len(ready):
                handle, ready[position] = ready[position], handle
        process = handle.process
        if handle.is_cancelled or process.is_dead:
            return
        if process.is_paused:
            process.backlog.append(handle)
            return
        self._called += 1
        if self._called > CALLBACKS_MAX:
            raise Stuck(f"{CALLBACKS_MAX} callbacks, and no end")
        self.process = process
        handle.callback(*handle.args)

    def _pass_time(self) -> None:
        timers = self._timers
        if not timers:
            raise Stuck("nothing is left to happen, but somebody still waits")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            handle = heappop(timers)[2]
            if not handle.is_cancelled:
                self._ready.append(handle)

    def close(self) -> None:
        """Take no callbacks any more, and end all tasks."""
        self._is_closed = True
        self._ready.clear()
        self._timers.clear()
        for task in self._kept:
            if not task.done():
                # What the `finally` blocks of killed processes still try to do leads nowhere.
                with suppress(RuntimeError):
                    task.get_coro().close()
        self._kept.clear()

    # What asyncio asks besides.

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return self._is_closed

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        # A caller that has given up does not look at what became of its call.
        if not self._is_closed and "exception" in context and not isinstance(context["exception"], HostGone):
            self.failures.append(context)
