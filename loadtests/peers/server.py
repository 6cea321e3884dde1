"""A peer's server process: uvicorn with uvloop and httptools, on a free loopback port, with everything off that nobody asked for."""

import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from loadtests.bench.failure import BenchFailed
from processor.local.child import Child, last_line
from processor.local.ports import LOOPBACK, free_port

CONNECTIONS_MAX = 2_000
"""Above it uvicorn answers 503."""

_ROOT = Path(__file__).parents[2]
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_SETTINGS = {
    "host": LOOPBACK,
    "loop": "uvloop",
    "http": "httptools",
    "ws": "none",
    "lifespan": "on",
    "log-level": "warning",
    "limit-concurrency": str(CONNECTIONS_MAX),
    "app-dir": str(_ROOT),
}
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def serving(service: str, environment: Mapping[str, str], workers: int = 1) -> Iterator[str]:
    """Run the application of a module under `loadtests.peers.services`; give its URL once it answers. Raises BenchFailed."""
    folder, port = Path(tempfile.mkdtemp(prefix="payments-peer-")), free_port()
    options = [f"--{name}={value}" for name, value in (_SETTINGS | {"port": str(port), "workers": str(workers)}).items()]
    command = [sys.executable, "-m", "uvicorn", f"loadtests.peers.services.{service}:app", *options]
    command += ["--no-access-log", "--no-server-header", "--no-date-header"]
    child = Child(command, folder / "uvicorn.log", {**os.environ, **environment}, signal.SIGTERM)
    url = f"http://{LOOPBACK}:{port}"
    try:
        _wait_until_it_answers(service, url, child)
        yield url
    finally:
        _stop(child)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(service: str, url: str, child: Child) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while not _answers(url):
        if child.exit_code() is not None or time.monotonic() > give_up_at:
            raise BenchFailed(f"the peer {service} did not start: {last_line(child.log_path)}")
        time.sleep(_POLL_SECONDS)


def _answers(url: str) -> bool:
    try:
        _OPENER.open(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return True  # It has no page there, but it has said so.
    except OSError:
        return False
    return True


def _stop(child: Child) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        child.signal(number)
        if child.wait(_STOP_SECONDS):
            return
