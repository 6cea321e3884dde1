"""locust's processes: one that sends, or a master and its workers."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from math import ceil
from pathlib import Path
from time import monotonic

from loadtests.generator.progress_line import PREFIX, STARTED
from loadtests.measures.part import Part, take_parts
from loadtests.run.failure import CannotRun
from loadtests.scenarios.plan import Plan
from processor.local.child import Child, last_line
from processor.local.ports import LOOPBACK, free_port

_LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"
_POLL_SECONDS = 0.1
_START_SECONDS = 60
_PARTS_SECONDS = 30.0
_END_SECONDS = 10.0


class LocustProcesses:
    """Runs a plan. `started` is set when the first request may go out; `stop` ends everything in any case."""

    def __init__(self, plan: Plan, web_port: int | None, say: Callable[[str], None]) -> None:
        """Start them; what they tell people goes to `say`. With a port for the web pages the run begins there. Raises CannotStart."""
        self.started = asyncio.Event()
        self._plan = plan
        self._folder = Path(plan.folder)
        self._say = say
        self._told_bytes = 0
        self._has_web = web_port is not None
        self._clear()
        path = str(plan.write())
        common = [
            "--plan",
            path,
            "--host",
            plan.url,
            "--loglevel",
            "WARNING",
            "--stop-timeout",
            str(ceil(plan.timeout_seconds) + 1),
        ]
        view = ["--web-host", LOOPBACK, "--web-port", str(web_port)] if web_port is not None else ["--headless", "--only-summary"]
        self._children: list[Child] = []
        if plan.processes == 1:
            self._main = self._start("locust", [*common, *view])
            return
        port = str(free_port())
        master = ["--master", "--master-bind-host", LOOPBACK, "--master-bind-port", port]
        expected = ["--expect-workers", str(plan.processes), "--expect-workers-max-wait", str(_START_SECONDS)]
        self._main = self._start("locust-master", [*common, *view, *master, *([] if self._has_web else expected)])
        worker = ["--worker", "--master-host", LOOPBACK, "--master-port", port]
        for process in range(plan.processes):
            self._start(f"locust-worker-{process}", [*common, *worker, "--process", str(process)])

    async def finished(self) -> list[Part]:
        """Return what they have measured once the run is over. Raises CannotRun if a process failed."""
        begun = monotonic()
        while self._main.exit_code() is None:
            self._tell()
            if not self.started.is_set() and not self._has_web and monotonic() - begun > 2 * _START_SECONDS:
                raise CannotRun(f"locust did not begin within {2 * _START_SECONDS} s: {last_line(self._main.log_path)}")
            await asyncio.sleep(_POLL_SECONDS)
        self._tell()
        return await self._parts()

    def interrupt(self) -> None:
        """End the run early; what was measured so far is kept."""
        self._main.signal(signal.SIGTERM)

    def stop(self) -> None:
        """End all processes that still run."""
        for child in self._children:
            child.signal(signal.SIGTERM)
        for child in self._children:
            if not child.wait(_END_SECONDS):
                child.signal(signal.SIGKILL)
                child.wait(_END_SECONDS)

    def _clear(self) -> None:
        """Remove what an earlier run has left in the folder."""
        for path in (*self._folder.glob("locust*.log"), *self._folder.glob("part-*")):
            path.unlink()

    def _start(self, name: str, arguments: list[str]) -> Child:
        command = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), *arguments]
        child = Child(command, self._folder / f"{name}.log", {**os.environ, "PYTHONUNBUFFERED": "1"}, signal.SIGKILL)
        self._children.append(child)
        return child

    async def _parts(self) -> list[Part]:
        """Return the parts of all processes; those of workers may come a moment after the master's end."""
        give_up_at = monotonic() + _PARTS_SECONDS
        parts: list[Part] = []
        while True:
            parts += take_parts(self._folder)
            if len({part.process for part in parts}) == self._plan.processes:
                return parts
            if self._has_web and not self.started.is_set():
                raise CannotRun("no run was started on the web pages")
            if monotonic() > give_up_at or not self.started.is_set():
                missing = f"{len(parts)} of {self._plan.processes} processes have left their measurements"
                raise CannotRun(f"{missing}; see {self._main.log_path}: {last_line(self._main.log_path)}")
            await asyncio.sleep(_POLL_SECONDS)

    def _tell(self) -> None:
        with self._main.log_path.open("rb") as log:
            log.seek(self._told_bytes)
            # A line that is not finished yet comes the next time.
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._told_bytes += len(line)
                text = line.decode(errors="replace").rstrip()
                if text.startswith(PREFIX):
                    self._say(text.removeprefix(PREFIX))
                    if text.endswith(STARTED):
                        self.started.set()
