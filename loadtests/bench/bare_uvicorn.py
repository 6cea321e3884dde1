"""The limit of the HTTP layers: uvicorn with an ASGI handler that does nothing, in one process, under the same client."""

import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from loadtests.bench.failure import BenchFailed
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import SINGLES_A_SECOND_MAX, run_load
from loadtests.bench.rounds import Side
from loadtests.workload import Workload
from processor.client.load import run_single
from processor.local.child import Child, last_line
from processor.local.ports import LOOPBACK, free_port

NAME = "bare uvicorn, an empty ASGI handler"
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_SETTINGS = {"host": LOOPBACK, "loop": "uvloop", "http": "httptools", "ws": "none", "lifespan": "off", "log-level": "warning"}


class BareUvicorn:
    """A server process that starts on entry and is gone after the exit."""

    def __init__(self) -> None:
        self._port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="payments-bench-"))
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self._port}"

    def __enter__(self) -> Self:
        options = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        command = [sys.executable, "-m", "uvicorn", "loadtests.bench.empty_handler:app", *options, f"--port={self._port}"]
        command += ["--no-access-log", "--no-server-header", "--no-date-header", f"--app-dir={_ROOT}"]
        self._child = Child(command, self._folder / "uvicorn.log", os.environ, signal.SIGTERM)
        try:
            self._wait_until_it_answers(self._child)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def side(self, options: Options) -> Side:
        """Return the side to be measured."""
        # The same bodies in every round: nobody remembers them.
        bodies = Workload("random_accounts", options.accounts, 0).singles(round(options.seconds * SINGLES_A_SECOND_MAX) + 1)
        return Side(NAME, lambda: run_load(run_single(self.url, bodies, options.connections, seconds=options.seconds)).rate)

    def _wait_until_it_answers(self, child: Child) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        give_up_at = time.monotonic() + _START_SECONDS
        while True:
            try:
                opener.open(self.url, timeout=5).close()
                return
            except OSError:
                if child.exit_code() is not None or time.monotonic() > give_up_at:
                    raise BenchFailed(f"bare uvicorn did not start: {last_line(child.log_path)}") from None
                time.sleep(_POLL_SECONDS)

    def _stop(self) -> None:
        if self._child is not None:
            self._child.signal(signal.SIGTERM)
            if not self._child.wait(_STOP_SECONDS):
                self._child.signal(signal.SIGKILL)
                self._child.wait(_STOP_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)
