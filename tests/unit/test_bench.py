"""`payments bench`: every layer runs, tiny, and gives figures that can be right. How large they are is not judged here."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from loadtests.bench import codec, lists, over_http, run
from loadtests.bench.collector import collector_as_in_a_host, collector_off
from loadtests.bench.cpu import DATABASE, GROUPS, CpuShares, Moment, shares_between, together
from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Comparison, Figure, Goal, ratios
from loadtests.bench.loop_over_journal import require_accepted
from loadtests.bench.machine import this_machine
from loadtests.bench.options import Options
from loadtests.bench.profile import NoProfile, profile, read_stacks
from loadtests.bench.report import Report
from loadtests.bench.rounds import Side, alternate
from processor.cli import bench as command_line
from processor.core.messages import PaymentAnswer, Unknown
from processor.core.results import Result

TINY = Options(rounds=2, seconds=0.05, connections=4, accounts=50, accounts_large=200, size=2_000)


def quiet(line: str) -> None:
    """Take a line of progress, and do nothing with it."""


def measured(layer: str) -> dict[str, Figure]:
    figures = run.ALONE[layer](TINY, quiet)
    assert all(figure.layer == layer for figure in figures)
    # Processor time is counted in hundredths of a second, and these loads are shorter.
    assert all(sample > 0 or figure.is_cost for figure in figures for sample in figure.samples)
    return {f"{figure.name}, {figure.unit}": figure for figure in figures}


def test_the_command_line_offers_exactly_the_layers_that_exist() -> None:
    assert sorted(command_line.LAYERS) == sorted(run.LAYERS)


def test_the_core_is_measured_on_one_shard_on_eight_and_through_the_commit_loop() -> None:
    figures = list(measured("core").values())
    assert [len(figure.samples) for figure in figures] == [2, 2, 2]
    assert [figure.goal for figure in figures] == [Goal("at least", 250_000)] * 2 + [None]
    assert all(figure.share_of_limit is not None and figure.share_of_limit < 1 for figure in figures)


@pytest.mark.slow
def test_no_codec_is_cheaper_than_the_least_that_its_bytes_cost() -> None:
    figures = measured("codec").values()
    assert {figure.limit_name for figure in figures} == {codec.FOUND, codec.COPIED}
    assert all(figure.share_of_limit is not None and figure.share_of_limit < 1 for figure in figures)


@pytest.mark.slow
def test_a_host_is_measured_with_calls_of_each_size_and_beside_its_journal() -> None:
    figures = measured("host")
    for size in ("64", "1,000", "10,000"):
        assert figures[f"calls of {size} payments, payments/s"].share_of_limit is not None
        assert 64 <= figures[f"calls of {size} payments: a turn, payments"].median <= 10_000
    pair = "two hosts, half of the payments travel, calls of 1,000"
    more, less = figures[f"{pair}: journal, bytes/payment"], figures["calls of 1,000 payments: journal, bytes/payment"]
    assert more.median > less.median, "a payment between two hosts writes more events"


@pytest.mark.slow
def test_the_projector_is_measured_in_steps_of_both_sizes() -> None:
    figures = measured("projector")
    assert sum(figure.unit == "payments/s" for figure in figures.values()) == 2


@pytest.mark.slow
def test_few_accounts_and_many_are_compared_with_calls_of_both_sizes() -> None:
    figures = measured("scale")
    for size in ("64", "10,000"):
        few, many = (figures[f"calls of {size} payments, {count} accounts, payments/s"] for count in (50, 200))
        against = figures[f"calls of {size}: 200 accounts against 50 accounts, ratio"]
        assert against.samples == ratios(many.samples, few.samples)
        assert against.goal == Goal("at least", 0.9)


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_sizes_that_the_capacity_model_counts_with_are_plausible() -> None:
    figures = measured("sizes")
    assert 1 <= figures["published events of a payment, events"].median <= 2
    assert figures["PostgreSQL: a payment in the read model, with its indexes, bytes"].median > 300
    assert 100 < figures["PostgreSQL: a payment's part of the journal's table, bytes"].median < 1_000
    assert 300 < figures["DynamoDB: a payment's item, bytes"].median < 1_000


def test_the_journal_is_measured_for_each_size_in_appends_and_in_bytes() -> None:
    figures = measured("journal")
    for label, megabytes in (("200 B", 0.0016), ("20 kB", 0.16), ("400 kB", 3.2)):
        name = f"8 records of {label}, one append"
        appends, throughput = figures[f"{name}, appends/s"], figures[f"{name}, MB/s"]
        assert throughput.median == pytest.approx(appends.median * megabytes)
        assert throughput.share_of_limit == pytest.approx(appends.share_of_limit)


@pytest.mark.slow
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


@pytest.mark.parametrize("layers", [("http_single",), pytest.param(over_http.LAYERS, marks=pytest.mark.slow)], ids=["one", "all"])
def test_what_goes_over_http_is_measured_on_a_real_instance_and_audited(layers: tuple[str, ...]) -> None:
    options = msgspec.structs.replace(TINY, rounds=1, seconds=0.2)
    found = over_http.Findings()
    over_http.measure(layers, options, quiet, found)
    may_be_zero = {"dropped by the client in the outage"}
    wrong = [f for f in found.figures if len(f.samples) != 1 or (f.median <= 0 and f.name not in may_be_zero)]
    assert wrong == []
    assert {figure.layer for figure in found.figures} == set(layers)
    [single] = [figure for figure in found.figures if figure.name == "single payments, random accounts"]
    assert single.share_of_limit is not None
    assert any(note.startswith("money audit:") and "all sums zero" in note for note in found.notes)
    assert all(found.cpu[single.name].cores[group] > 0 for group in ("API", "host", DATABASE, "client"))


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


def test_the_shares_of_processes_are_differences_and_new_processes_count_from_their_start() -> None:
    before = Moment(10.0, {(1, 0.0): ("API", 5.0), (2, 0.0): ("host", 1.0)}, busy=20.0, stolen=1.0)
    after = Moment(12.0, {(1, 0.0): ("API", 6.5), (3, 11.0): ("host", 0.5)}, busy=23.0, stolen=1.5)
    shares = shares_between(before, after, payments=1_000)
    assert {group: share for group, share in shares.cores.items() if share} == {"API": 0.75, "host": 0.25}
    assert (shares.others, shares.stolen) == (0.5, 0.25)
    assert shares.microseconds_per_payment("API") == 1_500
    assert shares.line() == "of a core: API 75%, host 25%; other programs 50%, stolen 25%; disturbed, measure again"


def test_shares_over_several_loads_are_weighted_by_their_time() -> None:
    def shares(api: float, seconds: float) -> CpuShares:
        return CpuShares(dict.fromkeys(GROUPS, 0.0) | {"API": api}, 0.0, 0.0, 10, seconds)

    both = together([shares(1.0, 3.0), shares(0.0, 1.0)])
    assert (both.cores["API"], both.payments, both.seconds) == (0.75, 20, 4.0)


def test_a_function_is_counted_once_in_a_stack_that_calls_it_twice() -> None:
    found = read_stacks("api", "main (a.py:1);walk (a.py:2);walk (a.py:2) 6\nmain (a.py:1) 2\n")
    assert (found.samples, found.own["walk (a.py:2)"], found.whole["walk (a.py:2)"]) == (8, 6, 6)
    assert (found.own["main (a.py:1)"], found.whole["main (a.py:1)"]) == (2, 8)
    with pytest.raises(NoProfile, match="saw process api do nothing"):
        read_stacks("api", "")


@pytest.mark.skipif(not Path(sys.executable).with_name("py-spy").exists(), reason="py-spy is not installed")
@pytest.mark.slow
def test_a_profile_leaves_a_flame_graph_for_each_process_and_one_table(tmp_path: Path) -> None:
    # In a process of its own: this one's children may be instances of other tests.
    command = [sys.executable, "-m", "processor.cli.main", "bench", "http_single", "--rounds", "1", "--seconds", "0.3"]
    done = subprocess.run([*command, "--profile", str(tmp_path)], capture_output=True, text=True, check=False)
    assert "profile of http_single" in done.stdout, done.stdout + done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"http_single-api.svg", "http_single-host.svg", "http_single.txt"}
    assert "<svg" in (tmp_path / "http_single-api.svg").read_text()
    assert "CommitLoop" in (tmp_path / "http_single.txt").read_text()


def test_without_processes_to_look_into_there_is_no_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtests.bench.profile.processes_of", lambda groups: [])

    def load(seconds: float) -> CpuShares:
        raise AssertionError("nothing should be loaded")

    with pytest.raises(NoProfile):
        profile("http_single", tmp_path, 1, load)


@pytest.mark.parametrize(
    ("comparison", "median", "expected"),
    [("at least", 10, True), ("at least", 9.9, False), ("less than", 10, False), ("less than", 9.9, True), ("at most", 10, True)],
)
def test_a_goal_is_judged_by_the_median(comparison: Comparison, median: float, expected: bool) -> None:
    figure = Figure("core", "", "s", [median - 5, median, median + 50], Goal(comparison, 10))
    assert figure.is_passed is expected


def test_the_share_of_a_limit_is_the_same_for_a_rate_and_for_its_cost() -> None:
    rate = Figure("core", "", "payments/s", [50.0], limit=200.0)
    cost = Figure("core", "", "us/payment", [1 / 50.0], limit=1 / 200.0, is_cost=True)
    assert rate.share_of_limit == cost.share_of_limit == 0.25


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
    fast_figure = Figure("core", "fast", "payments/s", [3.0, 1.0, 2.0], Goal("at least", 2), 4, "the disk")
    shares = CpuShares(dict.fromkeys(GROUPS, 0.0) | {"API": 0.5}, 0.0, 0.0, 10, 1.0)
    report = Report(
        [fast_figure, Figure("core", "slow", "s", [9.0])],
        ["a note"],
        this_machine(),
        TINY,
        {"shards": "4"},
        1.5,
        {"fast": shares},
    )
    report.write_json(tmp_path / "report.json")
    content = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    fast, slow = content["figures"]
    assert (fast["median"], fast["share_of_limit"], fast["passed"]) == (2.0, 0.5, True)
    assert slow["passed"] is None
    assert content["machine"]["packages"]["ray"]
    assert content["cpu"]["fast"]["cores"]["API"] == 0.5
    report.print()
    printed = capsys.readouterr().out
    assert "a note" in printed
    assert "50% of 4: the disk" in printed
    assert "fast: of a core: API 50%" in printed
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


def test_a_first_word_that_is_a_command_is_one_and_the_help_names_both_kinds() -> None:
    helped = CliRunner().invoke(command_line.bench, ["--help"])
    assert helped.exit_code == 0
    assert all(word in helped.output for word in ("http_single", "--rounds", *command_line.COMMANDS))
    modelled = CliRunner().invoke(command_line.bench, ["model", "--help"])
    assert modelled.exit_code == 0
    assert "--database-cores" in modelled.output


def test_a_command_whose_module_is_missing_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command_line.COMMANDS, "compare", ("loadtests.not_there", "Two results."))
    done = CliRunner().invoke(command_line.bench, ["compare", "a", "b"])
    assert done.exit_code == 2
    assert "compare needs the module loadtests.not_there" in done.output
