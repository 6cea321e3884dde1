"""A server on one loopback port: a child process with a session of its own, whose port is kept for the next start."""

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from processor.local.child import Child, last_line
from processor.local.failure import CannotStart
from processor.local.leftovers import end_session, remember
from processor.local.ports import free_port, is_free

_POLL_SECONDS = 0.02
_PORT_ATTEMPTS = 5
_STOP_SECONDS = 30


class LoopbackServer:
    """What such servers have in common. A subclass says how it is run and when it is ready."""

    title = "the server"

    def __init__(self, folder: Path, log_path: Path | None = None, port: int = 0) -> None:
        """Prepare a server with its files in `folder`. `port` 0: the one used last, or a free one.

        Call `start` in a thread that lives as long as the server should.
        """
        self.folder = folder.absolute()
        self.log_path = log_path or self.folder / "server.log"
        self.port = port
        self._asked_port = port
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, None before the start."""
        return self._child.pid if self._child else None

    @property
    def has_started(self) -> bool:
        """Whether `start` has been called, successfully or not."""
        return self._child is not None

    def exit_code(self) -> int | None:
        """Return the server's exit code, or None while it runs or if it has not been started."""
        return self._child.exit_code() if self._child else None

    def end_leftovers(self) -> None:
        """End a server that an earlier run left over in this folder."""
        end_session(self._session_path, signal.SIGTERM, _STOP_SECONDS)

    def start(self, timeout_seconds: float = 60) -> None:
        """Start the server, and return once it answers. Raises CannotStart."""
        self.end_leftovers()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.prepare()
        for attempt in range(_PORT_ATTEMPTS):
            self.port = self._choose_port(attempt)
            # As a stop does, so that what it keeps in memory is written.
            self._child = Child(self.command(), self.log_path, self.environment(), signal.SIGTERM)
            remember(self._session_path, self._child.pid)
            if self._wait_until_ready(time.monotonic() + timeout_seconds):
                self._port_path.write_text(str(self.port))
                return
            if self._asked_port or is_free(self.port):
                break  # The port was not the reason.
        raise CannotStart(f"{self.title} did not start: {last_line(self.log_path)} (log: {self.log_path})")

    def stop(self, timeout_seconds: float = _STOP_SECONDS) -> None:
        """Let it write what it keeps in memory and end; after the timeout it is killed."""
        if self._child:
            self._child.signal(signal.SIGTERM)
            if not self._child.wait(timeout_seconds):
                self._child.signal(signal.SIGKILL)
        self.end_leftovers()

    def ask_to_stop(self) -> None:
        """Tell it to end, and do not wait for it."""
        if self._child:
            self._child.signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it as a crash would."""
        if self._child:
            self._child.signal(signal.SIGKILL)
            self._child.wait(_STOP_SECONDS)
        end_session(self._session_path, signal.SIGKILL)

    def prepare(self) -> None:
        """Make the files that the server needs."""

    def command(self) -> Sequence[str]:
        """Return the command that runs it on `self.port`."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Return its whole environment."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Return whether it answers."""
        raise NotImplementedError

    def _choose_port(self, attempt: int) -> int:
        if self._asked_port:
            return self._asked_port
        last = self.port or (int(self._port_path.read_text()) if self._port_path.exists() else 0)
        return last if last and attempt == 0 and is_free(last) else free_port()

    def _wait_until_ready(self, deadline: float) -> bool:
        """Return True once it answers, False if it has ended before. Raises CannotStart."""
        while self.exit_code() is None:
            if self.is_ready():
                return True
            if time.monotonic() > deadline:
                self.kill()
                raise CannotStart(f"{self.title} was not ready in time: see {self.log_path}")
            time.sleep(_POLL_SECONDS)
        return False

    @property
    def _session_path(self) -> Path:
        return self.folder / "session.json"

    @property
    def _port_path(self) -> Path:
        return self.folder / "port"
