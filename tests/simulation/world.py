"""What all parts of one run share: time, chance, the journal, the hosts by name, and the trace."""

from collections.abc import Callable, Coroutine
from hashlib import sha256
from random import Random
from typing import Any

from actors.host import Host
from processor.projections.memory_archive import MemoryArchive
from tests.simulation.plan import Plan
from tests.simulation.recording_journal import RecordingJournal
from tests.simulation.virtual_loop import Process, VirtualLoop

LEASE_SECONDS = 1.2


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run something that never waits, and return what it returns."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("what is in memory does not wait")


class Machine(Process):
    """A process that can be cut off from the whole store, or from the shard map alone."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.store_partitioned = False
        self.map_partitioned = False


class HostProcess(Machine):
    """A process that runs a shard host."""

    host: Host

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.is_leaving = False
        self.on_death: list[Callable[[], None]] = []


class World:
    """One run. Everything random comes from `random`, in an order that the seed alone decides."""

    def __init__(self, plan: Plan, print_trace: bool = False) -> None:
        self.plan = plan
        self.random = Random(plan.seed)
        self.loop = VirtualLoop(self.random)
        self.store = Process("store")
        self.journal = RecordingJournal(plan.shards, LEASE_SECONDS, self.loop.time)
        self.archive = MemoryArchive(self.journal)
        self.journal.archived = lambda: finish(self.archive.positions())
        self.hosts: dict[str, HostProcess] = {}
        self.api_replicas: list[Machine] = []
        self.is_faulty = True
        self.store_is_down = False
        self._hash = sha256()
        self._print_trace = print_trace

    def happens(self, likelihood: float) -> bool:
        """Whether a fault of this likelihood happens now."""
        return self.is_faulty and likelihood > 0 and self.random.random() < likelihood

    def latency(self) -> float:
        """Return how long a message takes, in seconds."""
        return self.plan.latency_seconds * (0.5 + self.random.random())

    def trace(self, what: str) -> None:
        """Note what happened. Two runs of one seed note the same."""
        line = f"{self.loop.time():10.6f} {what}"
        self._hash.update(line.encode())
        if self._print_trace:
            print(line)

    def trace_hash(self) -> str:
        """Return the SHA-256 of everything that was noted."""
        return self._hash.hexdigest()

    def alive(self) -> list[HostProcess]:
        """Return the hosts that are not dead, in the order in which they were started."""
        return [process for process in self.hosts.values() if not process.is_dead]

    def kill(self, process: HostProcess) -> None:
        """Kill a host; those who wait for it learn it a little later."""
        if process.is_dead:
            return
        self.trace(f"{process.name} dies")
        self.loop.kill(process)
        watchers, process.on_death = process.on_death, []
        for watcher in watchers:
            watcher()

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any]) -> Any:
        """Start a task in a process."""
        return self.loop.run_as(process, self.loop.create_task, work)
