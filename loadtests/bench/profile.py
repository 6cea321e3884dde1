"""Where the processor time goes: flame graphs of the API replica and the shard hosts under load, made by py-spy."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from loadtests.bench.cpu import CpuShares, processes_of

GROUPS = ("API", "host")
_MORE_SECONDS = 3.0
"""The load lasts so much longer than the recording: py-spy needs a moment before it begins."""

_SAMPLES_A_SECOND = 200
_STOP_SECONDS = 30.0
_FUNCTIONS_SHOWN = 30
_HOW_TO_READ = (
    "own: in the function and in the C code that it calls, so the function that runs an event loop has the loop's own work and its "
    "system calls; whole: with the functions that it calls"
)


class NoProfile(Exception):
    """The processes cannot be looked into. The message is one line that says what to do."""


class Profile(msgspec.Struct, frozen=True):
    """Samples of one process: by function, those in it (`own`) and those in it or in what it called (`whole`)."""

    process: str
    samples: int
    own: Counter[str]
    whole: Counter[str]

    def table(self) -> Iterator[str]:
        """Yield lines: the functions in which most of the time was spent."""
        yield f"{self.process}: {self.samples:,} samples while it worked"
        yield f"{'own':>7}{'whole':>8}  function"
        for function, count in self.own.most_common(_FUNCTIONS_SHOWN):
            yield f"{count / self.samples:7.1%}{self.whole[function] / self.samples:8.1%}  {function}"


def profile(name: str, folder: Path, seconds: int, load: Callable[[float], CpuShares]) -> str:
    """Record the processes for so long under `load`, which gets its own seconds; return one line about what was left.

    That is `name`-*.svg and `name`.txt. Raises NoProfile, and what the load raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program, processes = _program(), _named()
    graphs = {file: folder / f"{name}-{file}.svg" for file in processes}
    stacks = {file: folder / f"{name}-{file}.stacks" for file in processes}
    for output_format, paths in (("flamegraph", graphs), ("raw", stacks)):
        options = ["--duration", str(seconds), "--format", output_format]
        commands = [[*_recorder(program, processes[file], path), *options] for file, path in paths.items()]
        cpu = _record(commands, lambda: load(seconds + _MORE_SECONDS))
    profiles = [read_stacks(file, path.read_text()) for file, path in stacks.items()]
    for path in stacks.values():
        path.unlink()
    lines = [f"{name}: {cpu.line()}", _HOW_TO_READ, *(line for found in profiles for line in ("", *found.table()))]
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return f"profile of {name} in {folder}: {', '.join(path.name for path in graphs.values())} and {name}.txt"


def read_stacks(process: str, text: str) -> Profile:
    """Return the profile in py-spy's raw format: a line for each stack, its functions from the outermost, then its samples."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    samples = 0
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        if not stack or not count.isdigit():
            continue
        functions = stack.split(";")
        samples += int(count)
        own[functions[-1]] += int(count)
        for function in set(functions):
            whole[function] += int(count)
    if not samples:
        raise NoProfile(f"py-spy saw process {process} do nothing")
    return Profile(process, samples, own, whole)


def _program() -> str:
    beside = Path(sys.executable).with_name("py-spy")
    program = str(beside) if beside.exists() else shutil.which("py-spy")
    if program is None:
        raise NoProfile("py-spy is not installed: pip install py-spy")
    return program


def _named() -> dict[str, int]:
    """Return the processes to be recorded, with a number where there are several of a group."""
    found = processes_of(GROUPS)
    if not found:
        raise NoProfile("no API replica and no shard host runs")
    many = {group for group, count in Counter(group for group, _ in found).items() if count > 1}
    return {f"{group.lower()}-{pid}" if group in many else group.lower(): pid for group, pid in found}


def _recorder(program: str, pid: int, path: Path) -> list[str]:
    options = ["--rate", str(_SAMPLES_A_SECOND), "--function", "--nonblocking"]
    return [program, "record", "--pid", str(pid), "--output", str(path), *options]


def _record(commands: list[list[str]], load: Callable[[], CpuShares]) -> CpuShares:
    recorders = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    try:
        cpu = load()
        for recorder in recorders:
            _, said = recorder.communicate(timeout=_STOP_SECONDS)
            if recorder.returncode:
                raise NoProfile(_why(said))
    finally:
        for recorder in recorders:
            recorder.kill()
            recorder.wait()
    return cpu


def _why(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if any("ermission" in line for line in lines):
        return (
            "py-spy may not look into the instance's processes: run the bench as root, give its container the capability SYS_PTRACE, "
            "or allow it with `sysctl kernel.yama.ptrace_scope=0`"
        )
    return f"py-spy failed: {lines[-1] if lines else 'it said nothing'}"
