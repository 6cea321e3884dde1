"""One process's connection to the journal's store: takes time, fails, answers late or never, and outlives its user."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from processor.journal.interface import Head, Host, JournalUnavailable, Ownership, Snapshot
from processor.journal.record import Record
from tests.simulation.world import HostProcess, Machine, World, finish

Work = Callable[[], Coroutine[Any, Any, Any]]

TIMEOUT_SECONDS = 0.3
LATE_SECONDS_MAX = 6.0


class StoreConnection:
    """Implements Journal and ShardMap for one process."""

    def __init__(self, world: World, process: Machine) -> None:
        self._world = world
        self._process = process
        self._journal = world.journal

    # The journal.

    async def shard_count(self) -> int:
        return self._world.plan.shards

    async def open(self, shard: int, epoch: int, at: int) -> Head:
        head: Head = await self._ask(lambda: self._journal.open(shard, epoch, at))
        self._world.trace(f"{self._process.name} opens shard {shard} in epoch {epoch} at sequence {head.sequence}")
        return head

    async def append(self, records: Sequence[Record]) -> None:
        plan, world = self._world.plan, self._world
        about = self._what_the_writer_knows()

        async def append() -> None:
            self._journal.about = about
            try:
                await self._journal.append(records)
            finally:
                self._journal.about = None

        places = ", ".join(f"{record.shard}:{record.epoch}:{record.sequence}" for record in records)
        world.trace(f"{self._process.name} appends {places}")
        if world.happens(plan.append_lost):
            await self._fail("the append was lost")
        if world.happens(plan.append_late):
            delay = world.random.random() * LATE_SECONDS_MAX
            world.loop.call_in(world.store, world.loop.time() + delay, self._arrive_late, append, places)
            await self._fail("the append is late")
        if world.happens(plan.append_crash_before):
            self._die()
        await self._ask(append, plan.append_answer_lost, plan.append_crash_after)

    async def confirm(self, epochs: Sequence[tuple[int, int]]) -> None:
        await self._ask(lambda: self._journal.confirm(epochs))

    async def head(self, shard: int) -> Head:
        head: Head = await self._ask(lambda: self._journal.head(shard))
        return head

    async def read(self, shard: int, after: int, until: int | None = None) -> AsyncIterator[Record]:
        async def collect() -> list[Record]:
            return [record async for record in self._journal.read(shard, after, until)]

        records = await self._ask(collect)
        if self._world.is_faulty:
            # Long journals: while one shard is being replayed, the old owner still has the others.
            await asyncio.sleep(self._world.random.random() * self._world.plan.replay_seconds)
        for record in records:
            yield record

    async def record(self, shard: int, sequence: int) -> Record | None:
        record: Record | None = await self._ask(lambda: self._journal.record(shard, sequence))
        return record

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        await self._ask(lambda: self._journal.save_snapshot(snapshot))

    async def latest_snapshot(self, shard: int) -> Snapshot | None:
        snapshot: Snapshot | None = await self._ask(lambda: self._journal.latest_snapshot(shard))
        return snapshot

    # The shard map.

    async def heartbeat(
        self, host: str, actor: str, pid: int, leaving: bool = False, door: bytes = b""
    ) -> tuple[list[Host], list[Ownership]]:
        view: tuple[list[Host], list[Ownership]] = await self._ask_map(
            lambda: self._journal.heartbeat(host, actor, pid, leaving, door)
        )
        return view

    async def view(self) -> tuple[list[Host], list[Ownership]]:
        view: tuple[list[Host], list[Ownership]] = await self._ask_map(self._journal.view)
        return view

    async def claim(self, shard: int, epoch: int, host: str) -> int | None:
        claimed: int | None = await self._ask_map(lambda: self._journal.claim(shard, epoch, host))
        return claimed

    async def release(self, shard: int, epoch: int) -> None:
        await self._ask_map(lambda: self._journal.release(shard, epoch))

    async def remove_host(self, host: str) -> None:
        await self._ask_map(lambda: self._journal.remove_host(host))

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        loop, changed = self._world.loop, self._world.loop.create_future()

        def resolve(value: bool) -> None:
            if not changed.done():
                changed.set_result(value)

        def announce() -> None:
            loop.call_in(self._process, loop.time() + self._world.latency(), resolve, True)

        if not self._is_cut_off(from_map=True):
            self._journal.watchers.append(announce)
        timer = loop.call_later(timeout_seconds, resolve, False)
        try:
            result: bool = await changed
        finally:
            timer.cancel()
        return result

    # Between the two.

    async def _ask_map(self, work: Work) -> Any:
        if self._is_cut_off(from_map=True):
            await self._fail("the shard map cannot be reached")
        return await self._ask(work)

    async def _ask(self, work: Work, answer_lost: float = 0.0, crash_after: float = 0.0) -> Any:
        """Let the store do something, and wait for its answer."""
        world, loop = self._world, self._world.loop
        if self._is_cut_off(from_map=False) or world.happens(world.plan.store_error):
            await self._fail("the store cannot be reached")
        answered = loop.create_future()

        def arrive() -> None:
            try:
                reply, value = answered.set_result, finish(work())
            except Exception as error:
                reply, value = answered.set_exception, error
            if world.happens(crash_after):
                self._die()
            when = loop.time() + world.latency()
            if world.happens(answer_lost):
                reply, value = answered.set_exception, JournalUnavailable("the answer was lost")
                when += TIMEOUT_SECONDS
            loop.call_in(self._process, when, lambda: None if answered.done() else reply(value))

        loop.call_in(world.store, loop.time() + world.latency(), arrive)
        return await answered

    def _arrive_late(self, work: Work, places: str) -> None:
        try:
            finish(work())
            self._world.trace(f"late append of {places} by {self._process.name} took effect")
        except Exception as error:
            self._world.trace(f"late append of {places} by {self._process.name} was refused: {type(error).__name__}")

    async def _fail(self, why: str) -> None:
        loop = self._world.loop
        timed_out = loop.create_future()
        loop.call_later(TIMEOUT_SECONDS, lambda: None if timed_out.done() else timed_out.set_result(None))
        await timed_out
        raise JournalUnavailable(why)

    def _is_cut_off(self, from_map: bool) -> bool:
        process = self._process
        return self._world.store_is_down or process.store_partitioned or (from_map and process.map_partitioned)

    def _die(self) -> None:
        if isinstance(self._process, HostProcess):
            self._world.kill(self._process)

    def _what_the_writer_knows(self) -> tuple[tuple[tuple[int, int], ...], frozenset[int]]:
        """Return the order of the turn's events, and the shards that its host holds."""
        assert isinstance(self._process, HostProcess)
        ledger: Any = self._process.host.loop._ledger
        return tuple(ledger.order), frozenset(ledger.shards)
