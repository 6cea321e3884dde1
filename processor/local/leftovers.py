"""Processes that an earlier run left over, because it was killed before it could stop them."""

import os
import signal
from pathlib import Path

import msgspec
import psutil

from processor.local.failure import CannotStart


class _Trace(msgspec.Struct):
    pid: int
    started: float


def remember(path: Path, pid: int) -> None:
    """Write down which process leads a session, so that a later run recognises what is left of it."""
    path.write_bytes(msgspec.json.encode(_Trace(pid, psutil.Process(pid).create_time())))


def end_session(path: Path, first: signal.Signals, timeout_seconds: float = 5) -> None:
    """End every process of the session that was remembered at `path`, as `end_all` does, and forget it."""
    try:
        trace = msgspec.json.decode(path.read_bytes(), type=_Trace)
    except (FileNotFoundError, msgspec.DecodeError):
        return
    members = [] if _is_over(trace) else [process for process in psutil.process_iter() if _is_member(process, trace.pid)]
    end_all(members, first, timeout_seconds)
    path.unlink(missing_ok=True)


def processes_in(folder: Path, name: str) -> list[psutil.Process]:
    """Return the processes of that name whose working directory is `folder`."""
    return [process for process in psutil.process_iter() if _works_in(process, folder, name)]


def end_all(processes: list[psutil.Process], first: signal.Signals, timeout_seconds: float) -> None:
    """Send `first` to the processes, kill those that are left after the timeout; return when none is left. Raises CannotStart."""
    _send(processes, first)
    _, alive = psutil.wait_procs(processes, timeout=timeout_seconds)
    _send(alive, signal.SIGKILL)
    _, alive = psutil.wait_procs(alive, timeout=timeout_seconds)
    if alive:
        raise CannotStart(f"processes of an earlier run do not end; end them first: {', '.join(str(p.pid) for p in alive)}")


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _is_over(trace: _Trace) -> bool:
    """Say whether the session surely has no members: the machine was restarted, or a later process has its leader's id.

    The kernel gives an id to a new process only if no session has it either.
    """
    if psutil.boot_time() > trace.started:
        return True
    try:
        return bool(abs(psutil.Process(trace.pid).create_time() - trace.started) > 1)
    except psutil.NoSuchProcess:
        return False


def _is_member(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session
    except (ProcessLookupError, PermissionError):
        return False


def _works_in(process: psutil.Process, folder: Path, name: str) -> bool:
    try:
        return bool(process.name() == name and Path(process.cwd()) == folder)
    except psutil.Error:
        return False
