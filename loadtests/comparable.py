"""What two results have in common: figures by name, and the circumstances under which they came about.

Reads both kinds: result.json of `payments loadtest`, and what `payments bench --json` writes.
"""

from pathlib import Path

import msgspec

from loadtests.bench.machine import Machine

RESULT_BYTES_MAX = 64 * 2**20


class NotAResult(Exception):
    """The file holds no result. The message is one line that names it."""


class Value(msgspec.Struct, frozen=True):
    """A figure, and the least and the most of the rounds that it is the median of (all one for a load test)."""

    value: float
    unit: str
    least: float
    most: float


class Comparable(msgspec.Struct, frozen=True):
    """One result. `circumstances` must agree for a fair comparison; `commit` is what is usually compared."""

    kind: str
    commit: str
    figures: dict[str, Value]
    circumstances: dict[str, str]


class _Figure(msgspec.Struct):
    layer: str
    name: str
    unit: str
    samples: list[float]
    median: float


class _Bench(msgspec.Struct):
    figures: list[_Figure]
    machine: Machine
    options: dict[str, object]
    settings: dict[str, str]


class _Loadtest(msgspec.Struct):
    """Of a load test's result only what is compared; `format` tells it from a bench."""

    format: str
    plan: dict[str, object]
    rate_offered: float
    rate_achieved: float
    offered: int
    not_started: int
    timed_out: int
    errors: int
    latency: dict[str, float | None]
    client_cpu_share: float
    machine: Machine
    settings: dict[str, str] | None


_NAMES_OF_ONE_RUN = {"run", "url", "folder", "shard_groups"}


def read_result(path: Path) -> Comparable:
    """Return the result in the file. Raises NotAResult."""
    try:
        if path.stat().st_size > RESULT_BYTES_MAX:
            raise NotAResult(f"{path} is larger than {RESULT_BYTES_MAX // 2**20} MiB, so it is no result")
        content = msgspec.json.decode(path.read_bytes())
        if isinstance(content, dict) and "format" in content:
            return _of_loadtest(msgspec.convert(content, _Loadtest))
        return _of_bench(msgspec.convert(content, _Bench))
    except OSError as error:
        raise NotAResult(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotAResult(
            f"{path} is neither a load test's result.json nor what `payments bench --json` writes: {error}"
        ) from None


def _of_loadtest(result: _Loadtest) -> Comparable:
    named: dict[str, tuple[float | None, str]] = {
        "payments made": (result.rate_achieved, "/s"),
        "payments offered": (result.rate_offered, "/s"),
        **{f"latency {name}": (value, "ms") for name, value in result.latency.items()},
        "requests dropped": (100 * (result.not_started + result.timed_out) / max(result.offered, 1), "%"),
        "requests in error": (100 * result.errors / max(result.offered, 1), "%"),
        "client": (100 * result.client_cpu_share, "% of a core"),
    }
    figures = {name: Value(value, unit, value, value) for name, (value, unit) in named.items() if value is not None}
    plan = {name: value for name, value in result.plan.items() if name not in _NAMES_OF_ONE_RUN}
    settings = {"settings": "unknown"} if result.settings is None else result.settings
    return Comparable("load test", result.machine.commit, figures, _circumstances(result.machine, plan, settings))


def _of_bench(bench: _Bench) -> Comparable:
    figures = {
        f"{figure.layer}: {figure.name}": Value(figure.median, figure.unit, min(figure.samples), max(figure.samples))
        for figure in bench.figures
        if figure.samples
    }
    return Comparable("bench", bench.machine.commit, figures, _circumstances(bench.machine, bench.options, bench.settings))


def _circumstances(machine: Machine, chosen: dict[str, object], settings: dict[str, str]) -> dict[str, str]:
    found = {
        "cores": machine.cores, "processor": machine.processor, "memory": f"{machine.memory_bytes / 2**30:.1f} GiB",
        "system": machine.system, "Python": machine.python, **machine.packages, **chosen,
        **{f"setting {name}": value for name, value in settings.items()},
    }  # fmt: skip
    return {name: str(value) for name, value in found.items()}
