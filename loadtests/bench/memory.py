"""Layer `memory`: what an account and a remembered idempotency key take, in fresh processes (`memory_probe`)."""

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Figure, Goal
from loadtests.bench.memory_probe import Growth, Kind
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say

GOALS: dict[Kind, Goal] = {"accounts": Goal("less than", 400), "keys": Goal("less than", 300)}
_NAMES: dict[Kind, str] = {"accounts": "an account", "keys": "a remembered idempotency key"}
_TIMEOUT_SECONDS = 600


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures: memory hardly varies, so one round is enough."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="payments-bench-") as folder:
        for kind, goal in GOALS.items():
            snapshot = Path(folder) / f"{kind}.snapshot"
            for how in ("made", "loaded"):
                growth = _probe(kind, how, options.size, snapshot)
                source = "built up" if how == "made" else "loaded from a snapshot"
                name = f"{_NAMES[kind]}, {source}, {options.size:,} of them"
                say(f"{name}: {growth.pss_bytes / options.size:.0f} bytes of PSS, {growth.rss_bytes / options.size:.0f} of RSS")
                figures.append(Figure("memory", name, "bytes", [growth.pss_bytes / options.size], goal))
    return figures


def _probe(kind: Kind, how: str, count: int, snapshot: Path) -> Growth:
    command = [sys.executable, "-m", "loadtests.bench.memory_probe", kind, how, str(count), str(snapshot)]
    root = Path(__file__).parents[2]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise BenchFailed(f"the memory of {kind} was not measured within {_TIMEOUT_SECONDS} s: choose a smaller --size") from None
    if done.returncode:
        raise BenchFailed(f"the memory of {kind} could not be measured: {(done.stderr.strip() or 'no reason').splitlines()[-1]}")
    return msgspec.json.decode(done.stdout, type=Growth)
