"""A child process: it writes to a log, has a session of its own, and the kernel ends it when we die."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from processor.local.failure import CannotStart

LOG_LIMIT_BYTES = 16 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


class Account(NamedTuple):
    """A user of the operating system to run a child as."""

    uid: int
    gid: int


class Child:
    """One running child process. The thread that starts it must live as long as the child should."""

    def __init__(
        self,
        command: Sequence[str],
        log_path: Path,
        environment: Mapping[str, str],
        signal_if_we_die: signal.Signals,
        account: Account | None = None,
    ) -> None:
        """Start `command` with exactly this environment, as `account` if one is given. Raises CannotStart."""
        self.log_path = log_path
        with open_log(log_path) as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    # A Ctrl-C on the terminal goes to its whole foreground group: we alone act on it, in our order.
                    start_new_session=True,
                    # Runs after the change of user, which would take the setting away again.
                    preexec_fn=_tie_to_parent(signal_if_we_die),  # noqa: PLW1509  (it takes no lock of Python's)
                    user=account.uid if account else None,
                    group=account.gid if account else None,
                    extra_groups=[] if account else None,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise CannotStart(f"cannot run {command[0]}: {error}") from error

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its session."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code (negative: ended by that signal), or None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        self._process.send_signal(number)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for its end; return False if it still runs after the timeout."""
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def run_briefly(
    command: Sequence[str], account: Account | None, log_path: Path, text: str = "", timeout_seconds: float = 60
) -> bool:
    """Run a command to its end, with `text` as its input; return whether it exited with 0. Its output goes to the log."""
    with open_log(log_path) as log:
        try:
            done = subprocess.run(
                command,
                check=False,
                preexec_fn=_tie_to_parent(signal.SIGKILL),
                input=text.encode(),
                stdout=log,
                stderr=log,
                timeout=timeout_seconds,
                env=plain_environment(),
                cwd="/",
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            log.write(f"{command[0]}: {error}\n".encode())
            return False
    return done.returncode == 0


def plain_environment() -> dict[str, str]:
    """Return an environment without anything of the caller's, for the same behaviour everywhere."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def open_log(path: Path) -> FileIO:
    """Open a log for appending. One that has grown beyond 16 MiB is put aside first, as `.old`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_name(path.name + ".old"))
    return path.open("ab", buffering=0)


def last_line(path: Path) -> str:
    """Return the last line of a log that says something, for messages."""
    lines = path.read_text(errors="replace").splitlines()[-50:] if path.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")


def _tie_to_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return what the child does before its program begins, so that the kernel signals it when the parent dies."""
    if sys.platform != "linux":
        # Only Linux can do this; elsewhere the next start ends what was left over.
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # It died before the kernel knew.
            os._exit(1)

    return tie
