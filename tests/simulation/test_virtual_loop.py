"""The event loop of the simulation: time, order, and processes that stop."""

import asyncio
from random import Random

import pytest

from tests.simulation.virtual_loop import Process, Stuck, VirtualLoop


def test_time_passes_only_when_nothing_else_can_happen() -> None:
    loop = VirtualLoop(Random(1))

    async def wait() -> list[float]:
        times = []
        for seconds in (3600.0, 0.5, 0.0):
            await asyncio.sleep(seconds)
            times.append(loop.time())
        return times

    assert loop.run_until_complete(wait()) == [3600.0, 3600.5, 3600.5]


def test_the_order_of_what_is_ready_depends_on_the_seed_alone() -> None:
    async def race() -> list[int]:
        order: list[int] = []

        async def run(number: int) -> None:
            await asyncio.sleep(1.0)
            order.append(number)

        await asyncio.gather(*(run(number) for number in range(8)))
        return order

    orders = [VirtualLoop(Random(seed)).run_until_complete(race()) for seed in (1, 1, 2, 3)]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1
    assert all(sorted(order) == list(range(8)) for order in orders)


def test_a_killed_process_runs_no_further_and_no_finally() -> None:
    loop = VirtualLoop(Random(1))
    process = Process("victim")
    steps: list[str] = []

    async def work() -> None:
        try:
            while True:
                steps.append("step")
                await asyncio.sleep(1.0)
        finally:
            steps.append("finally")

    async def kill_later() -> None:
        loop.run_as(process, loop.create_task, work())
        await asyncio.sleep(2.5)
        loop.kill(process)
        await asyncio.sleep(10.0)

    loop.run_until_complete(kill_later())
    assert steps == ["step"] * 3


def test_a_paused_process_goes_on_where_it_was() -> None:
    loop = VirtualLoop(Random(1))
    process = Process("sleeper")
    times: list[float] = []

    async def work() -> None:
        for _ in range(3):
            await asyncio.sleep(1.0)
            times.append(loop.time())

    async def pause() -> None:
        task = loop.run_as(process, loop.create_task, work())
        await asyncio.sleep(1.5)
        process.is_paused = True
        await asyncio.sleep(10.0)
        process.is_paused = False
        loop.resume(process)
        await task

    loop.run_until_complete(pause())
    assert times == [1.0, 11.5, 12.5]


def test_waiting_for_what_never_happens_is_a_failure() -> None:
    loop = VirtualLoop(Random(1))

    async def wait() -> None:
        await loop.create_future()

    with pytest.raises(Stuck):
        loop.run_until_complete(wait())


def test_timeouts_work_on_virtual_time() -> None:
    loop = VirtualLoop(Random(1))

    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100.0):
                await asyncio.Event().wait()
        return loop.time()

    assert loop.run_until_complete(wait()) == 100.0
