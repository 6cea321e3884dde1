"""Starts hosts, and lets accidents happen to them: crashes, pauses, partitions, clocks that jump, hosts that come and go."""

import asyncio
from itertools import count

from actors.host import Host
from processor.journal.interface import JournalUnavailable
from processor.recovery import take_snapshot
from tests.simulation.archive_connection import ArchiveConnection
from tests.simulation.network import connector
from tests.simulation.store_connection import StoreConnection
from tests.simulation.world import LEASE_SECONDS, HostProcess, Machine, World

HOSTS_MAX = 4
ACCIDENTS_MAX = 10
QUEUE_LIMIT_MESSAGES = 60


class Operator:
    """Everything that is done to hosts from outside. Runs in a process of its own, which never fails."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._process = Machine("operator")
        self._connection = StoreConnection(world, self._process)
        self._numbers = count(1)
        # Each run has some kinds of accidents only, so that rare ones also meet each other often.
        possible = [
            (5, self._crash),
            (4, self._pause),
            (3, self._partition),
            (4, self._split),
            (2, self._clock_jump),
            (2, self._scale_up),
            (2, self._scale_down),
            (4, self._snapshot),
            (1, self._store_outage),
            (1, self._power_cut),
        ]
        self._accidents = [accident for accident in possible if world.random.random() < 0.5] or possible
        if world.plan.only_splits:
            self._accidents = [(1, self._split)]

    def start_host(self) -> HostProcess:
        """Start one more host."""
        world = self._world
        number = next(self._numbers)
        process = HostProcess(f"host-{number}")
        connection = StoreConnection(world, process)
        process.host = Host(
            connection, connection, world.plan.shards, process.name, number, connector(world, process), QUEUE_LIMIT_MESSAGES,
            archive=ArchiveConnection(world), retention=world.plan.retention,
        )  # fmt: skip
        world.hosts[process.name] = process
        world.trace(f"{process.name} starts")
        world.loop.run_as(process, process.host.start)
        return process

    async def cause_accidents(self) -> None:
        """Let accidents happen at the plan's rate, until there were enough or until cancelled."""
        world, rate = self._world, self._world.plan.accidents_per_second
        weights = [weight for weight, _ in self._accidents]
        for _ in range(ACCIDENTS_MAX if rate else 0):
            await asyncio.sleep(world.random.expovariate(rate))
            accident = world.random.choices(self._accidents, weights)[0][1]
            world.spawn(self._process, accident())

    def heal(self) -> None:
        """End all faults: everybody is reachable and running, and there are as many hosts as planned."""
        world = self._world
        world.is_faulty = False
        world.store_is_down = False
        for machine in (*world.alive(), *world.api_replicas):
            machine.store_partitioned = machine.map_partitioned = False
            world.loop.resume(machine)
        staying = [process for process in world.alive() if not process.is_leaving]
        for _ in range(world.plan.hosts - len(staying)):
            self.start_host()
        world.trace("healed")

    def _victim(self) -> HostProcess | None:
        alive = self._world.alive()
        return self._world.random.choice(alive) if alive else None

    async def _crash(self) -> None:
        process = self._victim()
        if process is not None:
            self._world.kill(process)
            await self.replace(process)

    async def replace(self, dead: HostProcess) -> None:
        """Start another host after a while, and sometimes tell the shard map that this one is dead."""
        random = self._world.random
        await asyncio.sleep(random.random() * 1.5)
        if random.random() < 0.5:
            try:
                await self._connection.remove_host(dead.name)
            except JournalUnavailable:
                pass
        if self._world.is_faulty:
            self.start_host()

    async def _pause(self) -> None:
        """As SIGSTOP: the host stands still, long enough to lose its lease or not, and then goes on or is killed."""
        process = self._victim()
        if process is None or process.is_paused:
            return
        world = self._world
        world.trace(f"{process.name} is paused")
        process.is_paused = True
        await asyncio.sleep(world.random.random() * world.random.choice([0.3, 4.0, 8.0]))
        if world.random.random() < 0.2 and world.is_faulty:
            world.kill(process)
            await self.replace(process)
        elif not process.is_dead and process.is_paused:
            world.trace(f"{process.name} goes on")
            world.loop.resume(process)

    async def _partition(self) -> None:
        process = self._victim()
        if process is None:
            return
        random = self._world.random
        process.map_partitioned = True
        process.store_partitioned = random.random() < 0.5
        self._world.trace(f"{process.name} is cut off from {'the store' if process.store_partitioned else 'the shard map'}")
        await asyncio.sleep(random.random() * 4.0)
        process.map_partitioned = process.store_partitioned = False

    async def _split(self) -> None:
        """An API replica and a host see each other, but no longer the shard map: both go on with an old one."""
        replica, host = self._world.random.choice(self._world.api_replicas), self._victim()
        split = [replica] if host is None else [replica, host]
        for machine in split:
            self._world.trace(f"{machine.name} is cut off from the shard map")
            machine.map_partitioned = True
        await asyncio.sleep(LEASE_SECONDS + self._world.random.random() * 4.0)
        for machine in split:
            machine.map_partitioned = False

    async def _clock_jump(self) -> None:
        process = self._victim()
        if process is not None:
            process.clock_offset_seconds += self._world.random.choice([-3600.0, -3.0, -0.01, 0.5, 30.0])
            self._world.trace(f"the clock of {process.name} is off by {process.clock_offset_seconds}")

    async def _scale_up(self) -> None:
        if len(self._world.alive()) < HOSTS_MAX:
            self.start_host()

    async def _scale_down(self) -> None:
        process = self._victim()
        if process is None or len(self._world.alive()) == 1:
            return
        self._world.trace(f"{process.name} leaves")
        process.is_leaving = True
        leaving = self._world.spawn(process, process.host.stop())
        # What does not end by itself is ended, as the keeper does it.
        await asyncio.sleep(5.0)
        if not leaving.done():
            self._world.trace(f"{process.name} did not stop by itself")
        self._world.kill(process)

    async def _snapshot(self) -> None:
        try:
            await take_snapshot(self._connection, self._world.random.randrange(self._world.plan.shards))
        except JournalUnavailable:
            pass

    async def _store_outage(self) -> None:
        self._world.store_is_down = True
        self._world.trace("the store is down")
        await asyncio.sleep(self._world.random.random() * 1.0)
        self._world.store_is_down = False

    async def _power_cut(self) -> None:
        for process in self._world.alive():
            self._world.kill(process)
        await asyncio.sleep(self._world.random.random())
        if self._world.is_faulty:
            for _ in range(self._world.plan.hosts):
                self.start_host()
