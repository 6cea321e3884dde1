"""A TigerBeetle of the bench's own: a single replica in a temporary folder, on a free loopback port."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from loadtests.peers.services.tigerbeetle_names import CLUSTER
from processor.local.child import Child, last_line, plain_environment
from processor.local.failure import CannotStart
from processor.local.ports import LOOPBACK, free_port

BINARY = "TIGERBEETLE_BINARY"
_FORMAT_SECONDS = 60.0
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05


def obstacle() -> str | None:
    """Return in one line what is missing for TigerBeetle to be measured here; None if nothing is."""
    binary = os.environ.get(BINARY, "")
    if not binary:
        return f"set {BINARY} to the path of its server, and install its client of the same version"
    if not os.access(binary, os.X_OK) or Path(binary).is_dir():
        return f"{BINARY} is {binary}, which is not a program that can be run: set it to the path of its server"
    if find_spec("tigerbeetle") is None:
        return "its client is not installed: .venv/bin/pip install tigerbeetle==VERSION, with the version of the server"
    return None


@contextmanager
def running_replica() -> Iterator[str]:
    """Format and start a replica; give its address once it listens. Raises CannotStart."""
    binary = os.environ[BINARY]
    folder = Path(tempfile.mkdtemp(prefix="payments-peer-"))
    data, port = folder / "0_0.tigerbeetle", free_port()
    try:
        _format(binary, data)
        command = [binary, "start", f"--addresses={LOOPBACK}:{port}", str(data)]
        child = Child(command, folder / "replica.log", plain_environment(), signal.SIGTERM)
        try:
            _wait_until_it_listens(port, child)
            yield f"{LOOPBACK}:{port}"
        finally:
            _stop(child)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _format(binary: str, data: Path) -> None:
    command = [binary, "format", f"--cluster={CLUSTER}", "--replica=0", "--replica-count=1", str(data)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FORMAT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotStart(f"{BINARY}: {error}") from error
    if done.returncode or not data.exists():
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise CannotStart(f"{BINARY}: {binary} could not format a data file (exit code {done.returncode}): {said}")


def _wait_until_it_listens(port: int, child: Child) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection((LOOPBACK, port), timeout=5).close()
            return
        except OSError:
            if child.exit_code() is not None or time.monotonic() > give_up_at:
                raise CannotStart(f"TigerBeetle did not start: {last_line(child.log_path)}") from None
            time.sleep(_POLL_SECONDS)


def _stop(child: Child) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        child.signal(number)
        if child.wait(_STOP_SECONDS):
            return
