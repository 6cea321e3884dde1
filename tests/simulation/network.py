"""Calls from one process to a shard host: they take time, are lost, and fail when the host dies. Messages between hosts also repeat."""

from collections.abc import Callable, Coroutine
from typing import Any

from actors.host import HostGone, HostStatus
from tests.simulation.virtual_loop import Process
from tests.simulation.world import HostProcess, World

NOTICE_SECONDS = 0.05
"""How long it takes until a caller knows that a host is dead."""

DELAY_SECONDS_MAX = 8.0


class HostConnection:
    """Implements HostHandle for one caller."""

    def __init__(self, world: World, caller: Process, target: HostProcess) -> None:
        self._world = world
        self._caller = caller
        self._target = target

    async def submit(self, batch: bytes) -> bytes:
        answers: bytes = await self._call(lambda: self._target.host.loop.submit(batch))
        return answers

    async def status(self) -> HostStatus:
        async def status() -> HostStatus:
            return self._target.host.status()

        found: HostStatus = await self._call(status)
        return found

    async def exchange(self, batch: bytes) -> None:
        world, loop, target = self._world, self._world.loop, self._target
        if target.is_dead:
            raise HostGone(f"{target.name} is dead")
        copies = 0 if world.happens(world.plan.message_lost) else 1
        copies += world.happens(world.plan.message_repeated)
        for _ in range(copies):
            delay = world.latency()
            if world.happens(world.plan.message_delayed):
                delay += world.random.random() ** 3 * DELAY_SECONDS_MAX
            loop.call_in(target, loop.time() + delay, lambda: target.host.loop.receive(batch))

    async def _call(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Do something in the host's process, and bring its result back."""
        world, loop, target = self._world, self._world.loop, self._target
        answered = loop.create_future()

        def fail(why: str) -> None:
            if not answered.done():
                answered.set_exception(HostGone(why))

        def notice_death() -> None:
            loop.call_in(self._caller, loop.time() + NOTICE_SECONDS, fail, f"{target.name} is dead")

        def reply(task: Any) -> None:
            if task.exception() is not None or world.happens(world.plan.call_lost):
                loop.call_in(self._caller, loop.time() + NOTICE_SECONDS, fail, "the answer was lost")
            else:
                result = task.result()
                when = loop.time() + world.latency()
                loop.call_in(self._caller, when, lambda: None if answered.done() else answered.set_result(result))

        if target.is_dead:
            notice_death()
        elif world.happens(world.plan.call_lost):
            loop.call_in(self._caller, loop.time() + NOTICE_SECONDS, fail, "the call was lost")
        else:
            target.on_death.append(notice_death)
            start = lambda: loop.create_task(work()).add_done_callback(reply)  # noqa: E731
            loop.call_in(target, loop.time() + world.latency(), start)
        return await answered


def connector(world: World, caller: Process) -> Callable[[str], HostConnection]:
    """Return what finds a host by its actor's name, as this process sees it."""

    def connect(actor: str) -> HostConnection:
        target = world.hosts.get(actor)
        if target is None or target.is_dead:
            raise HostGone(f"there is no actor {actor}")
        return HostConnection(world, caller, target)

    return connect
