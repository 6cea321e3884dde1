"""The instance that the demo runs against: one that is there already, or one of its own."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.retry import Unavailable
from processor.local.child import Child, last_line
from processor.local.ports import LOOPBACK, free_port

START_SECONDS = 180.0
STOP_SECONDS = 60.0
_READY_SECONDS = 30.0
_POLL_SECONDS = 0.1


class NoInstance(Exception):
    """No instance could be reached or started. The message is one line."""


async def is_running(address: Address) -> bool:
    """Return whether an instance is there and ready; False if nobody listens.

    Raises NoInstance if it does not become ready within 30 s, or if something else listens.
    """
    try:
        reply = await _ask_ready(address, 0.0)
    except Unavailable as error:
        if error.status is None:
            return False
        try:
            reply = await _ask_ready(address, _READY_SECONDS)
        except Unavailable as later:
            raise NoInstance(f"the instance there is not ready: {later}") from None
    if reply != 200:
        raise NoInstance(f"{address.url}/readyz answered {reply}: something else listens there; set PAYMENTS_PORT or --url")
    return True


async def _ask_ready(address: Address, retry_seconds: float) -> int:
    async with Connection(address, timeout_seconds=5.0, retry_seconds=retry_seconds) as connection:
        return (await connection.get("/readyz")).status


class OwnInstance:
    """An instance in a temporary folder: a child process that ends with us, and whose folder is removed then."""

    def __init__(self, say: Callable[[str], None], with_aws: bool = False) -> None:
        """Start it, perhaps with a local AWS and all bridges; what it prints goes to `say`. `wait_until_ready` comes next, and `stop`
        in any case. Raises CannotStart."""
        self.address = Address(LOOPBACK, free_port(), "", False)
        self._folder = Path(tempfile.mkdtemp(prefix="payments-demo-"))
        self._folder.chmod(0o711)  # As root, the database runs as another user, who must pass through.
        self.environment = _environment(self.address.port, self._folder / "data")
        if with_aws:
            self.environment["PAYMENTS_AWS_ENDPOINT_URL"] = f"http://{LOOPBACK}:{free_port()}"
        self._say = say
        self._told_bytes = 0
        command = [sys.executable, "-m", "processor.cli.main", "up", *(("--aws", "local") if with_aws else ())]
        self._child = Child(command, self._folder / "up.log", self.environment, signal.SIGINT)

    @property
    def pid(self) -> int:
        """The process id of `payments up`, the parent of all its processes."""
        return self._child.pid

    async def wait_until_ready(self) -> None:
        """Return once it answers. Raises NoInstance."""
        give_up_at = time.monotonic() + START_SECONDS
        while not await self._is_ready():
            self._tell()
            if self._child.exit_code() is not None:
                raise NoInstance("the instance did not start: the lines above say why")
            if time.monotonic() > give_up_at:
                raise NoInstance(f"the instance was not ready after {START_SECONDS:g} s: {last_line(self._child.log_path)}")
            await asyncio.sleep(_POLL_SECONDS)
        self._tell()

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and remove its folder."""
        # What it printed while the demo ran would only be in the way now.
        self._told_bytes = self._child.log_path.stat().st_size
        self._child.signal(signal.SIGINT)
        if not self._child.wait(STOP_SECONDS):
            self._say(f"it did not stop within {STOP_SECONDS:g} s and is killed")
            self._child.signal(signal.SIGKILL)
            self._child.wait(STOP_SECONDS)
        self._tell()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _is_ready(self) -> bool:
        try:
            return await _ask_ready(self.address, 0.0) == 200
        except Unavailable:
            return False

    def _tell(self) -> None:
        with self._child.log_path.open("rb") as log:
            log.seek(self._told_bytes)
            # A line that is not finished yet comes the next time.
            for line in log:
                if line.endswith(b"\n"):
                    self._told_bytes += len(line)
                    if line.strip():
                        self._say(line.decode(errors="replace").rstrip())


def _environment(port: int, data_folder: Path) -> dict[str, str]:
    own = {
        "PORT": str(port),
        "DATA_FOLDER": str(data_folder),
        "DATABASE_URL": "",
        "DATABASE_PORT": "0",
        "RAY_PORT": "0",
        "DASHBOARD_PORT": "0",
    }
    return {**os.environ, **{f"PAYMENTS_{name}": value for name, value in own.items()}, "PYTHONUNBUFFERED": "1"}
