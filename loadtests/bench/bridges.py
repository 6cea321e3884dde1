"""Layer `bridges`: what the bridges cost the payments, and how far they are behind at 5,000 payments a second.

Two instances, one plain, one with a local AWS and all bridges. The sides alternate; while a side does not want the bridges, their
processes and the emulator stand still (SIGSTOP), so that both run on the same machine in the same minute. With the bridges on, they
are behind all the time: the emulator takes less than the payments make, so this is the most that they can cost.

The emulator shares the machine's cores, which AWS would not. How fast each bridge could be is the layer `sinks`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

import msgspec
import psutil
import uvloop

from loadtests.bench.audit import audit
from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Figure, Goal, ratios
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Say, Side, alternate
from processor.client.connection import Connection

GOAL = Goal("at least", 0.95)
RATE = 5_000
BATCH_PAYMENTS, BATCH_CONNECTIONS = 1_000, 4
_ACTOR = "ray::Bridge"
_EMULATOR = "ministack"
_CATCH_UP_SECONDS_MAX = 300
_SAMPLE_SECONDS = 0.5


class _Bridge(msgspec.Struct):
    name: str
    lag_seconds: float | None


class _Bridges(msgspec.Struct):
    data: list[_Bridge]


class Bridges:
    """The bridges of one instance, which can be made to stand still."""

    def __init__(self, payments: PaymentsInstance) -> None:
        self._payments = payments

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop their processes and the emulator meanwhile."""
        processes = self._processes()
        if not processes:
            raise BenchFailed("no process of a bridge was found")
        try:
            for process in processes:
                process.suspend()
            yield
        finally:
            for process in processes:
                process.resume()

    def lags(self) -> dict[str, float]:
        """Return how old the oldest record is that each bridge lacks, in seconds."""
        known = msgspec.json.decode(uvloop.run(self._read()), type=_Bridges)
        return {bridge.name: bridge.lag_seconds for bridge in known.data if bridge.lag_seconds is not None}

    async def _read(self) -> bytes:
        async with Connection(self._payments.address) as connection:
            return (await connection.get("/v1/bridges")).body

    def wait_until_level(self) -> float:
        """Wait until none is behind; return the seconds. Raises BenchFailed."""
        started = time.monotonic()
        while max(self.lags().values()) > 0:
            if time.monotonic() - started > _CATCH_UP_SECONDS_MAX:
                raise BenchFailed(f"the bridges did not catch up within {_CATCH_UP_SECONDS_MAX} s: {self.lags()}")
            time.sleep(_SAMPLE_SECONDS)
        return time.monotonic() - started

    def _processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.Process(self._payments.pid).children(recursive=True):
            title = " ".join(process.cmdline())
            if (title.startswith(_ACTOR) and not title.startswith(f"{_ACTOR}s")) or _EMULATOR in title:
                found.append(process)
        return found


class _LagSamples(Thread):
    """Asks for the lags now and then, and keeps the largest of each bridge."""

    def __init__(self, bridges: Bridges) -> None:
        super().__init__(daemon=True)
        self._bridges = bridges
        self._over = Event()
        self.largest: dict[str, float] = {}

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            for name, lag in self._bridges.lags().items():
                self.largest[name] = max(lag, self.largest.get(name, 0.0))

    def end(self) -> dict[str, float]:
        """Return the largest lags."""
        self._over.set()
        self.join()
        return self.largest


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures. Raises BenchFailed, also if money was made or lost."""
    with PaymentsInstance(options, say) as plain, PaymentsInstance(options, say, with_aws=True) as carried:
        bridges = Bridges(carried)
        say(f"{RATE:,} payments a second")
        bridges.wait_until_level()
        # First, while nothing is left over: the other loads leave the bridges millions of events behind.
        figures = _lag(carried, bridges, options, say)
        figures += _cost(plain, carried, bridges, options, say)
        with bridges.standing_still():
            for payments in (plain, carried):
                say(audit(payments))
    return figures


def _cost(plain: PaymentsInstance, carried: PaymentsInstance, bridges: Bridges, options: Options, say: Say) -> list[Figure]:
    def singles(payments: PaymentsInstance) -> float:
        return payments.singles("random_accounts", options.seconds).rate

    def batches(payments: PaymentsInstance) -> float:
        return payments.batches(BATCH_PAYMENTS, BATCH_CONNECTIONS, options.seconds).rate

    def alone(load: Callable[[PaymentsInstance], float], payments: PaymentsInstance) -> float:
        with bridges.standing_still():
            return load(payments)

    figures = []
    for kind, load in (("singles", singles), ("batches", batches)):
        names = f"{kind}, plain instance", f"{kind}, with Redis, bridges stopped", f"{kind}, all bridges on"
        sides = [
            Side(names[0], partial(alone, load, plain)),
            Side(names[1], partial(alone, load, carried)),
            Side(names[2], partial(load, carried)),
        ]
        samples = alternate(sides, options.rounds, say, warm_up=True)
        figures += [Figure("bridges", name, "payments/s", samples[name]) for name in names]
        figures += [
            Figure("bridges", f"{kind}: bridges on against stopped", "ratio", ratios(samples[names[2]], samples[names[1]]), GOAL),
            Figure("bridges", f"{kind}: with Redis against without", "ratio", ratios(samples[names[1]], samples[names[0]])),
        ]
    return figures


def _lag(carried: PaymentsInstance, bridges: Bridges, options: Options, say: Say) -> list[Figure]:
    largest: dict[str, list[float]] = {}
    caught_up = []
    for number in range(options.rounds):
        samples = _LagSamples(bridges)
        samples.start()
        result = carried.arriving(RATE, options.seconds)
        for name, lag in samples.end().items():
            largest.setdefault(name, []).append(lag)
        caught_up.append(bridges.wait_until_level())
        say(f"round {number + 1} of {options.rounds}: {result.count:,} payments, level again after {caught_up[-1]:.1f} s")
    return [
        *(
            Figure("bridges", f"{name}: largest lag at 5,000 payments/s", "s", lags, is_cost=True)
            for name, lags in sorted(largest.items())
        ),
        Figure("bridges", "all level again after", "s", caught_up, is_cost=True),
    ]
