"""Two results side by side."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from loadtests.bench.figure import Figure
from loadtests.bench.machine import this_machine
from loadtests.bench.options import Options
from loadtests.bench.report import Report
from loadtests.comparable import NotAResult
from loadtests.compare import compare
from loadtests.compare_command import compare as command
from loadtests.measures.measurements import Measurements
from loadtests.report.result import Result, make_result
from loadtests.run.money_audit import MoneyAudit
from tests.unit.load_plan import plan_of


def load_result(latency_seconds: float) -> Result:
    measured = Measurements()
    for number in range(100):
        measured.due(number / 10)
        measured.answer(number / 10, number / 10, number / 10 + latency_seconds, 201, 1)
    return make_result(plan_of(), measured, MoneyAudit(True, "fine", []), None, this_machine(), {})


def written(result: Result, path: Path) -> Path:
    result.write(path)
    return path


def bench_file(path: Path, samples: list[float], **settings: str) -> Path:
    figures = [Figure("core", "all accounts on one shard", "payments/s", samples)]
    Report(figures, [], this_machine(), Options(), settings, 1.0).write_json(path)
    return path


def row(table: str, name: str) -> list[str]:
    (line,) = (line for line in table.splitlines() if f"│ {name} " in line)
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_two_load_tests_are_compared_figure_by_figure(tmp_path: Path) -> None:
    first, second = (written(load_result(seconds), tmp_path / f"{seconds}.json") for seconds in (0.010, 0.020))
    table = compare(first, second)
    assert row(table, "latency p99") == ["latency p99", "10 ms", "20 ms", "2.00", ""]
    assert "NOT FAIR" not in table
    assert f"commit {this_machine().commit}" in table


def test_what_makes_a_comparison_unfair_is_named(tmp_path: Path) -> None:
    result = load_result(0.010)
    other = msgspec.structs.replace(
        result,
        plan=plan_of("hot", rate=200.0, run="lt-other", url="http://127.0.0.1:2"),
        machine=msgspec.structs.replace(result.machine, cores=result.machine.cores + 62, commit="another"),
        settings={"shard_hosts": "2"},
    )
    warnings = [
        line
        for line in compare(written(result, tmp_path / "a"), written(other, tmp_path / "b")).splitlines()
        if line.startswith("NOT FAIR")
    ]
    cores = result.machine.cores
    assert warnings == [
        f"NOT FAIR: cores was {cores}, then {cores + 62}",
        "NOT FAIR: scenario was random, then hot",
        "NOT FAIR: rate was 100.0, then 200.0",
        "NOT FAIR: setting shard_hosts was as by default, then 2",
    ]


def test_benches_are_compared_by_medians_and_overlapping_rounds_are_marked(tmp_path: Path) -> None:
    first = bench_file(tmp_path / "a", [90.0, 100.0, 110.0])
    near, far = bench_file(tmp_path / "b", [105.0, 120.0, 130.0]), bench_file(tmp_path / "c", [190.0, 200.0, 210.0], shards="4")
    name = "core: all accounts on one shard"
    assert row(compare(first, near), name)[3:] == ["1.20", "within the spread"]
    assert row(compare(first, far), name)[3:] == ["2.00", ""]
    assert "NOT FAIR: setting shards was as by default, then 4" in compare(first, far)


def test_a_bench_and_a_load_test_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(NotAResult, match="they have no figure in common"):
        compare(bench_file(tmp_path / "a", [1.0]), written(load_result(0.01), tmp_path / "b"))


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"format": "loadtest 1"}', b'{"figures": 3}'])
def test_a_file_without_a_result_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    done = CliRunner().invoke(command, [str(tmp_path / "a"), str(tmp_path / "missing")])
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    assert str(tmp_path / "a") in done.output


def test_a_missing_file_is_said_in_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "missing")] * 2)
    assert (done.exit_code, len(done.output.splitlines())) == (2, 1)
    assert "cannot be read: No such file" in done.output
