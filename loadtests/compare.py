"""Two results side by side, with what makes the comparison unfair."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtests.comparable import Comparable, NotAResult, Value, read_result

_WIDTH = 140


def compare(first: Path, second: Path) -> str:
    """Return a table of both results, their ratios, and warnings. Raises NotAResult, also if they are of different kinds."""
    before, after = read_result(first), read_result(second)
    if before.kind != after.kind:
        raise NotAResult(f"{first} is of a {before.kind}, {second} of a {after.kind}: they have no figure in common")
    console = Console(width=_WIDTH, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(_table(before, after))
    lines = [capture.get().rstrip(), f"first: {first}, commit {before.commit}", f"second: {second}, commit {after.commit}"]
    return "\n".join([*lines, *differences(before, after)]) + "\n"


def differences(before: Comparable, after: Comparable) -> list[str]:
    """Return a line for everything that makes the comparison unfair, or that only one of them has."""
    names = dict.fromkeys([*before.circumstances, *after.circumstances])
    pairs = ((name, *(side.circumstances.get(name, "as by default") for side in (before, after))) for name in names)
    lines = [f"NOT FAIR: {name} was {one}, then {other}" for name, one, other in pairs if one != other]
    for side, other, which in ((before, after, "first"), (after, before, "second")):
        missing = [name for name in side.figures if name not in other.figures]
        if missing:
            lines.append(f"only the {which} has: {', '.join(missing)}")
    return lines


def _table(before: Comparable, after: Comparable) -> Table:
    table = Table("figure", title=f"Two results of a {before.kind}", title_justify="left")
    for heading in ("first", "second", "ratio", ""):
        table.add_column(heading, justify="right")
    for name, one in before.figures.items():
        other = after.figures.get(name)
        if other is not None:
            ratio = f"{other.value / one.value:.2f}" if one.value else "-"
            table.add_row(name, _written(one), _written(other), ratio, _remark(one, other))
    return table


def _remark(one: Value, other: Value) -> str:
    """Say so where the rounds of both overlap: then the ratio may be chance."""
    has_rounds = one.least < one.most or other.least < other.most
    return "within the spread" if has_rounds and one.least <= other.most and other.least <= one.most else ""


def _written(figure: Value) -> str:
    value = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:,.3g}"
    return f"{value} {figure.unit}"
