"""`payments bench`: every layer runs, tiny, and gives figures that can be right. How large they are is not judged here."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from loadtests.bench import lists, over_http, run
from loadtests.bench.collector import collector_as_in_a_host, collector_off
from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Comparison, Figure, Goal, ratios
from loadtests.bench.host import require_accepted
from loadtests.bench.machine import this_machine
from loadtests.bench.options import Options
from loadtests.bench.report import Report
from loadtests.bench.rounds import Side, alternate
from processor.cli import bench as command_line
from processor.core.messages import PaymentAnswer, Unknown
from processor.core.results import Result

TINY = Options(rounds=2, seconds=0.05, connections=4, accounts=50, size=2_000)


def quiet(line: str) -> None:
    """Take a line of progress, and do nothing with it."""


def measured(layer: str) -> dict[str, Figure]:
    figures = run.ALONE[layer](TINY, quiet)
    assert all(figure.layer == layer for figure in figures)
    assert all(sample > 0 for figure in figures for sample in figure.samples)
    return {f"{figure.name}, {figure.unit}": figure for figure in figures}


def test_the_command_line_offers_exactly_the_layers_that_exist() -> None:
    assert sorted(command_line.LAYERS) == sorted(run.LAYERS)


def test_the_core_is_measured_on_one_shard_on_eight_and_through_the_commit_loop() -> None:
    figures = list(measured("core").values())
    assert [len(figure.samples) for figure in figures] == [2, 2, 2]
    assert [figure.goal for figure in figures] == [Goal("at least", 250_000)] * 2 + [None]


def test_a_replay_of_another_size_than_the_goals_is_not_judged() -> None:
    figures = measured("replay")
    replayed = figures["2,000 payments on 8 shards, from PostgreSQL, s"]
    assert len(replayed.samples) == 2
    assert replayed.is_passed is None


def test_memory_is_measured_built_up_and_loaded() -> None:
    figures = measured("memory")
    assert len(figures) == 4
    # An object of Python's cannot be smaller, and none of these is a thousand times as large.
    assert all(16 < figure.median < 16_000 for figure in figures.values())


def test_the_journal_is_measured_for_each_size_in_appends_and_in_bytes() -> None:
    figures = measured("journal")
    for label, megabytes in (("200 B", 0.0016), ("20 kB", 0.16), ("400 kB", 3.2)):
        name = f"8 records of {label}, one append"
        appends, throughput = figures[f"{name}, appends/s"], figures[f"{name}, MB/s"]
        assert throughput.median == pytest.approx(appends.median * megabytes)
        assert throughput.share_of_limit == pytest.approx(appends.share_of_limit)


def test_every_kind_of_list_finds_what_it_should_and_is_not_judged_with_fewer_payments_than_the_goals() -> None:
    figures = lists.measure(msgspec.structs.replace(TINY, rounds=1), quiet)
    high, middle = ([figure for figure in figures if figure.name.endswith(label)] for label in ("p99", "p50"))
    assert len(high) == len(middle) == len(figures) / 2 > 20
    assert all(0 < low.median <= top.median for low, top in zip(middle, high, strict=True))
    assert {figure.is_passed for figure in figures} == {None}


def test_the_http_layer_is_measured_for_single_payments_and_batches() -> None:
    names = measured("http_layer")
    assert "single: whole request, us/payment" in names
    assert "batch: whole request, us/payment" in names


def test_everything_over_http_is_measured_on_a_real_instance_and_audited() -> None:
    options = msgspec.structs.replace(TINY, rounds=1, seconds=0.2)
    figures, notes = over_http.measure(over_http.LAYERS, options, quiet)
    assert [figure.layer for figure in figures if len(figure.samples) != 1 or figure.median <= 0] == []
    assert {figure.layer for figure in figures} == set(over_http.LAYERS)
    [single] = [figure for figure in figures if figure.name == "single payments, random accounts"]
    assert single.share_of_limit is not None
    assert any(note.startswith("money audit:") and "all sums zero" in note for note in notes)


def test_sides_alternate_and_every_other_round_goes_backwards() -> None:
    order: list[str] = []

    def side(name: str) -> Side:
        def measure() -> float:
            order.append(name)
            return float(len(order))

        return Side(name, measure)

    samples = alternate([side("a"), side("b")], 3, quiet, warm_up=True)
    assert "".join(order) == "ab" + "baabba"
    assert samples == {"a": [4, 5, 8], "b": [3, 6, 7]}


@pytest.mark.parametrize(
    ("comparison", "median", "expected"),
    [("at least", 10, True), ("at least", 9.9, False), ("less than", 10, False), ("less than", 9.9, True), ("at most", 10, True)],
)
def test_a_goal_is_judged_by_the_median(comparison: Comparison, median: float, expected: bool) -> None:
    figure = Figure("core", "", "s", [median - 5, median, median + 50], Goal(comparison, 10))
    assert figure.is_passed is expected


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([1, 9], [2, 3]) == [0.5, 3]


def test_a_refused_payment_and_a_failed_journal_end_the_measurement() -> None:
    accepted, refused = (PaymentAnswer(result, False, 1, 1, 0, 1) for result in (Result.ACCEPTED, Result.INSUFFICIENT_FUNDS))
    require_accepted([msgspec.msgpack.encode([accepted, accepted])], 2)
    with pytest.raises(BenchFailed, match="1 of 2 messages"):
        require_accepted([msgspec.msgpack.encode([accepted, refused])], 2)
    with pytest.raises(BenchFailed, match="Unknown"):
        require_accepted([msgspec.msgpack.encode([accepted, Unknown()])], 2)


@pytest.mark.parametrize("collector", [collector_as_in_a_host, collector_off])
def test_the_collector_is_afterwards_as_it_was(collector: Callable[..., object]) -> None:
    import gc

    before = gc.get_threshold(), gc.isenabled()
    with collector():  # type: ignore[attr-defined]
        assert (gc.get_threshold(), gc.isenabled()) != before
    assert (gc.get_threshold(), gc.isenabled()) == before


def test_a_report_holds_the_verdicts_and_says_where_it_was_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = [Figure("core", "fast", "payments/s", [3.0, 1.0, 2.0], Goal("at least", 2), 4), Figure("core", "slow", "s", [9.0])]
    report = Report(figures, ["a note"], this_machine(), TINY, {"shards": "4"}, 1.5)
    report.write_json(tmp_path / "report.json")
    content = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    fast, slow = content["figures"]
    assert (fast["median"], fast["share_of_limit"], fast["passed"]) == (2.0, 0.5, True)
    assert slow["passed"] is None
    assert content["machine"]["packages"]["ray"]
    report.print()
    printed = capsys.readouterr().out
    assert "a note" in printed
    assert "50%" in printed
    assert "shards 4" in printed


def test_what_cannot_be_run_is_said_in_one_line(tmp_path: Path) -> None:
    unknown = CliRunner().invoke(command_line.bench, ["nonsense"])
    assert unknown.exit_code == 2
    assert "'nonsense' is not one of" in unknown.output
    nowhere = CliRunner().invoke(command_line.bench, ["core", "--json", str(tmp_path / "missing" / "file.json")])
    assert nowhere.exit_code == 2
    assert "there is no folder" in nowhere.output


def test_chosen_layers_run_and_go_to_the_file(tmp_path: Path) -> None:
    arguments = ["core", "--rounds", "1", "--size", "1000", "--accounts", "10", "--json", str(tmp_path / "report.json")]
    done = CliRunner().invoke(command_line.bench, arguments)
    assert done.exit_code == 0, done.output
    content = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    assert {figure["layer"] for figure in content["figures"]} == {"core"}
    assert content["options"]["size"] == 1000
