"""What locust runs: users, the load's shape, and what happens around a run.

`payments loadtest` starts it, since it opens the accounts before and audits the money afterwards. Everything that is known before
the run comes in the file that --plan names; rate, seconds and shape may be changed in locust's web pages.
"""

from argparse import ArgumentParser
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
import msgspec
from locust import LoadTestShape, User, constant, events, runners, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from loadtests.generator.open_loop import OpenLoop
from loadtests.generator.operations import Done
from loadtests.generator.progress import show_progress
from loadtests.generator.traffic import Traffic
from loadtests.measures.measurements import NO_ANSWER
from loadtests.scenarios.load_shape import LOAD_SHAPES, load_at
from loadtests.scenarios.plan import PAYMENTS_A_SECOND_MAX, SECONDS_MAX, Plan, read_plan

_GRACE_SECONDS = 0.5
"""Workers start a moment after the master does: their schedules end before they are stopped."""

# Once a second, as everything else is shown; locust's own three seconds make the progress of workers jump.
runners.WORKER_REPORT_INTERVAL = 1.0


class State:
    """What this process knows of the run. A master has no traffic of its own."""

    planned: Plan
    plan: Plan
    """As planned, but for what the web pages have changed for the present run."""

    traffic: Traffic
    loop: OpenLoop | None = None
    progress: gevent.Greenlet | None = None


class OpenLoopUser(User):
    """Sends a process's share of the arrivals, over as many connections as may be in flight."""

    abstract = False

    @task
    def send_what_is_due(self) -> None:
        """Go through the whole schedule."""
        if State.loop is not None:
            # Only if a stopped user is started again within one run, which the shape never asks for.
            raise StopUser
        traffic = State.traffic
        State.loop = loop = traffic.open_loop()
        connections = [gevent.spawn(self._drive, traffic, loop) for _ in range(traffic.connections)]
        try:
            gevent.joinall(connections, raise_error=True)
        finally:
            gevent.killall(connections)
        raise StopUser

    def _drive(self, traffic: Traffic, loop: OpenLoop) -> None:
        courier = traffic.courier()

        def send(number: int, deadline: float) -> tuple[int, int]:
            sent = monotonic()
            done = traffic.send(courier, number, deadline)
            _tell_locust(self.environment, traffic, monotonic() - sent, done)
            return done.status, done.paid

        try:
            loop.drive(send)
        finally:
            courier.close()


class ClosedLoopUser(User):
    """Sends its next request when the one before is answered."""

    abstract = False
    wait_time = constant(0)

    def on_start(self) -> None:
        """Open the user's connection."""
        self._courier = State.traffic.courier()

    def on_stop(self) -> None:
        """End it."""
        self._courier.close()

    @task
    def pay(self) -> None:
        """Send one request."""
        sent = monotonic()
        done = State.traffic.send_next(self._courier)
        _tell_locust(self.environment, State.traffic, monotonic() - sent, done)


class PlannedShape(LoadTestShape):
    """The plan's shape: users over time where they wait for answers; else one user in each process, who keeps the schedule."""

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """Return what locust asks for once a second."""
        plan = State.plan
        seconds: float = self.get_run_time()  # type: ignore[no-untyped-call]
        if not plan.is_closed:
            if seconds >= plan.seconds + _GRACE_SECONDS:
                return None
            return plan.processes, float(plan.processes), [OpenLoopUser]
        if seconds >= plan.seconds:
            return None
        users = max(round(plan.users * load_at(plan.shape, seconds / plan.seconds)), 1)
        return users, float(plan.users), [ClosedLoopUser]


def _tell_locust(environment: Environment, traffic: Traffic, seconds: float, done: Done) -> None:
    """Count a request in locust's own statistics, which its pages show. They are timed from the sending."""
    failure = (
        None if 200 <= done.status < 300 else RuntimeError("no answer" if done.status == NO_ANSWER else f"status {done.status}")
    )
    environment.events.request.fire(  # type: ignore[no-untyped-call]
        request_type="POST", name=traffic.plan.scenario, response_time=seconds * 1_000, response_length=0, exception=failure,
        context={}, response=None,
    )  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    """Add our arguments to locust's."""
    hidden: dict[str, Any] = {"include_in_web_ui": False}
    parser.add_argument("--plan", type=str, required=True, help="The file that `payments loadtest` has written.", **hidden)
    parser.add_argument("--process", type=int, default=0, help="Which of the plan's processes this is.", **hidden)
    parser.add_argument("--rate", type=float, default=0.0, help="Payments a second; 0: as planned.")
    parser.add_argument("--seconds", type=float, default=0.0, help="Length of the run; 0: as planned.")
    parser.add_argument("--shape", choices=("as planned", *LOAD_SHAPES), default="as planned", help="How the load changes.")


def prepare(environment: Environment, **_: object) -> None:
    """Make everything that can be made before the run."""
    options = vars(environment.parsed_options)
    State.planned = State.plan = read_plan(Path(options["plan"]))
    if not isinstance(environment.runner, MasterRunner):
        # Only here: in a worker the master's number replaces it when the run begins.
        State.traffic = Traffic(State.planned, options["process"])


def begin(environment: Environment, **_: object) -> None:
    """Begin a run, with what was changed in the web pages."""
    options = vars(environment.parsed_options)
    changes: dict[str, Any] = {}
    if options["rate"] > 0:
        changes["rate"] = min(options["rate"], PAYMENTS_A_SECOND_MAX)
    if options["seconds"] > 0:
        changes["seconds"] = min(options["seconds"], SECONDS_MAX)
    if options["shape"] in LOAD_SHAPES:
        changes["shape"] = options["shape"]
    State.plan = msgspec.structs.replace(State.planned, **changes)
    State.loop = None
    if not isinstance(environment.runner, MasterRunner):
        State.traffic.begin(State.plan)
    if not isinstance(environment.runner, WorkerRunner):
        State.progress = gevent.spawn(show_progress, environment)


def stop_sending(**_: object) -> None:
    """Send nothing more: answers that are still out may come in."""
    if State.loop is not None:
        State.loop.stop()


def finish(environment: Environment, **_: object) -> None:
    """Leave what was measured for `payments loadtest`."""
    if State.progress is not None:
        State.progress.kill()
    if not isinstance(environment.runner, MasterRunner):
        State.traffic.write()


_LISTENERS = (
    (events.init_command_line_parser, add_arguments),
    (events.init, prepare),
    (events.test_start, begin),
    (events.test_stopping, stop_sending),
    (events.test_stop, finish),
)
for event, listener in _LISTENERS:
    event.add_listener(listener)  # type: ignore[no-untyped-call]
