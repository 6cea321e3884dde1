"""What this process sends: one numbered operation after the other, whoever's turn it is."""

import gc
from itertools import count
from math import ceil
from random import Random
from time import monotonic, process_time

import gevent

from loadtests.generator.books import Books
from loadtests.generator.courier import Courier
from loadtests.generator.open_loop import OpenLoop
from loadtests.generator.operations import Done, Operations
from loadtests.generator.repeats import Repeats
from loadtests.measures.measurements import Measurements, interval_seconds
from loadtests.measures.part import Part
from loadtests.scenarios.plan import Plan
from loadtests.scenarios.schedule import due_times
from loadtests.scenarios.templates import make_templates
from processor.client.address import parse_address


class MonotonicClock:
    """The machine's clock; waiting lets gevent's other greenlets run."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return monotonic()

    def sleep_until(self, moment: float) -> None:
        """Return at that time, or at once if it is past."""
        seconds = moment - monotonic()
        if seconds > 0:
            gevent.sleep(seconds)


class Traffic:
    """The process's bodies, books and measurements. Numbers go on from run to run, so that no key is used twice."""

    def __init__(self, plan: Plan, process: int) -> None:
        """Make all bodies. Raises ValueError if the accounts are too few for the scenario."""
        templates = make_templates(plan, process)
        self.plan = plan
        self.process = process
        self.measurements = Measurements()
        self._numbers = count()
        self._books = Books(len(templates))
        self._operations = Operations(plan, process, templates, self._books)
        share = plan.of.repeated_share
        random = Random(f"{plan.seed}/repeats/{process}")
        self._repeats = Repeats(self._operations, self._books, share, random) if share else None
        self._address = parse_address(plan.url)
        self._started = self._cpu_started = 0.0
        # Nothing made so far is garbage; looking through it would only add to the latencies.
        gc.collect()
        gc.freeze()

    def begin(self, plan: Plan) -> None:
        """Measure a new run: the plan may have another rate, length and shape than the one before."""
        self.plan = plan
        self.measurements = Measurements(interval_seconds=interval_seconds(plan.seconds))
        self._started, self._cpu_started = monotonic(), process_time()

    def open_loop(self) -> OpenLoop:
        """Return the run's schedule for this process, beginning now."""
        plan = self.plan
        due = due_times(
            plan.shape, plan.arrivals, plan.requests_a_second, plan.seconds, str(plan.seed), self.process, plan.processes
        )
        return OpenLoop(due, MonotonicClock(), plan.timeout_seconds, self.measurements, self._numbers)

    @property
    def connections(self) -> int:
        """This process's share of the connections."""
        return ceil(self.plan.connections / self.plan.processes)

    def courier(self) -> Courier:
        """Return a new connection."""
        return Courier(self._address, self.measurements.retry)

    def send(self, courier: Courier, number: int, deadline: float) -> Done:
        """Carry out the operation of this number until the deadline (monotonic seconds)."""
        if self._repeats is not None:
            return self._repeats.send(courier, number, deadline, self.measurements)
        return self._operations.carry_out(courier, number, deadline)

    def send_next(self, courier: Courier) -> Done:
        """Carry out one more operation, timed from now: for users who wait for an answer before they go on."""
        due = monotonic() - self._started
        self.measurements.due(due)
        done = self.send(courier, next(self._numbers), self._started + due + self.plan.timeout_seconds)
        self.measurements.answer(due, due, monotonic() - self._started, done.status, done.paid)
        return done

    def write(self) -> None:
        """Leave everything in the plan's folder. Raises OSError."""
        self.measurements.cpu_seconds = process_time() - self._cpu_started
        books = self._books
        Part(self.plan, self.process, self.measurements, books.accepted, books.items, books.unresolved).write()
