"""What a bench found: as a table for people, as JSON for programs."""

from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from loadtests.bench.cpu import CpuShares
from loadtests.bench.figure import Figure, Goal
from loadtests.bench.machine import Machine
from loadtests.bench.options import Options

_WIDTH = 200


class Report(msgspec.Struct, frozen=True):
    """Everything that one run found. `seconds` is how long it took; `cpu` which processes worked under each side's load."""

    figures: list[Figure]
    notes: list[str]
    machine: Machine
    options: Options
    settings: dict[str, str]
    seconds: float
    cpu: dict[str, CpuShares] = {}

    def write_json(self, path: Path) -> None:
        """Write everything, with the derived members of each figure. Raises OSError."""
        content = msgspec.to_builtins(self)
        content["figures"] = [_with_derived(figure) for figure in self.figures]
        path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")

    def print(self) -> None:
        """Print the table, the notes and the circumstances."""
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=_WIDTH)
        console.print(_table(self.figures))
        for name, shares in self.cpu.items():
            console.print(f"{name}: {shares.line()}", markup=False, soft_wrap=True)
        for line in (*self.notes, *self._circumstances()):
            console.print(line, markup=False, soft_wrap=True)

    def _circumstances(self) -> list[str]:
        machine = self.machine
        packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
        options = ", ".join(f"{name} {value}" for name, value in msgspec.to_builtins(self.options).items())
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return [
            f"{machine.cores} cores of {machine.processor}, {machine.memory_bytes / 2**30:.1f} GiB, {machine.system}, "
            f"load average before {machine.load_average}",
            f"{machine.python}, {packages}, commit {machine.commit}",
            f"options: {options}; {self.seconds:.0f} s in all",
            f"settings that differ from the defaults: {settings or 'none'}; PostgreSQL with fsync",
        ]


def _with_derived(figure: Figure) -> dict[str, Any]:
    derived = {"median": figure.median, "share_of_limit": figure.share_of_limit, "passed": figure.is_passed}
    members: dict[str, Any] = msgspec.to_builtins(figure)
    return members | derived


def _table(figures: list[Figure]) -> Table:
    table = Table("layer", "figure", title="Median over the rounds, least and most", title_justify="left")
    for heading in ("median", "least - most", "goal", ""):
        table.add_column(heading, justify="right")
    table.add_column("of its limit")
    for figure in figures:
        verdict = {None: "", True: "[green]pass[/green]", False: "[red]MISS[/red]"}[figure.is_passed]
        spread = f"{_number(min(figure.samples))} - {_number(max(figure.samples))}" if len(figure.samples) > 1 else ""
        median = f"{_number(figure.median)} {figure.unit}"
        table.add_row(figure.layer, figure.name, median, spread, _goal(figure.goal), verdict, _limit(figure))
    return table


def _limit(figure: Figure) -> str:
    if figure.limit is None or figure.share_of_limit is None:
        return ""
    return f"{figure.share_of_limit:.0%} of {_number(figure.limit)}{f': {figure.limit_name}' if figure.limit_name else ''}"


def _goal(goal: Goal | None) -> str:
    return f"{goal.comparison} {goal.value:,g}" if goal else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
