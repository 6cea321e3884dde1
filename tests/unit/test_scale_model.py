"""The model of many hosts: its formulae at points that can be worked out by hand, and its costs out of a report."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from loadtests.bench.figure import Figure
from loadtests.model.command import HOSTS, model
from loadtests.model.costs import LARGE, ONE_HOST, PAIR, SINGLE, SMALL, TWO_HOSTS, USUAL, BadReport, Costs, read_costs
from loadtests.model.throughput import Machines, linear_until, throughput

COSTS = Costs(
    requests="single payments",
    api_microseconds=100.0,
    host_microseconds=10.0,
    turn_microseconds=1_000.0,
    database_microseconds=1.0,
    append_microseconds=100.0,
    journal_bytes=100.0,
    travel_microseconds=20.0,
    database_travel_microseconds=1.0,
    journal_travel_bytes=100.0,
    disk_megabytes_a_second=1_000.0,
)
AMPLE = Machines(database_cores=1_000.0, turn_seconds=0.01, turn_seconds_max=0.01)


def test_one_host_is_limited_by_its_core_and_spends_some_of_it_on_turns() -> None:
    found = throughput(COSTS, AMPLE, 1)
    # A hundred turns of a millisecond leave nine tenths of a second for payments of ten microseconds.
    assert found.payments_a_second == pytest.approx(90_000)
    assert (found.limit, found.travelling_share) == ("shard hosts", 0.0)
    assert found.api_replicas_needed == pytest.approx(9.0)
    assert found.database_cores_used == pytest.approx(0.01 + 0.09)
    assert found.journal_megabytes_a_second == pytest.approx(9.0)


def test_with_two_hosts_half_of_the_payments_travel_and_cost_more() -> None:
    found = throughput(COSTS, AMPLE, 2)
    assert found.travelling_share == 0.5
    assert found.payments_a_second == pytest.approx(2 * 900_000 / (10 + 0.5 * 20))


def test_without_travelling_hosts_add_up_until_the_database_has_no_cores_left() -> None:
    nobody_travels = msgspec.structs.replace(AMPLE, travelling_share_max=0.0)
    assert linear_until(COSTS, nobody_travels, 64) == 64
    small = msgspec.structs.replace(nobody_travels, database_cores=2.0)
    # Each host takes 0.01 cores for its appends and 0.09 for its payments: twenty of them fill two cores.
    assert throughput(COSTS, small, 20).payments_a_second == pytest.approx(20 * 90_000)
    beyond = throughput(COSTS, small, 40)
    assert beyond.limit == "database cores"
    assert beyond.payments_a_second == pytest.approx((2 - 0.4) * 1e6)
    assert linear_until(COSTS, small, 64) < 25


def test_the_disk_stops_everybody_at_its_bandwidth() -> None:
    slow = msgspec.structs.replace(AMPLE, disk_megabytes_a_second=20.0)
    found = throughput(COSTS, slow, 64)
    assert found.limit == "journal's disk"
    assert found.journal_megabytes_a_second == pytest.approx(20.0)


def test_too_few_api_replicas_are_the_limit_whatever_the_hosts() -> None:
    few = msgspec.structs.replace(AMPLE, api_replicas=2)
    assert [throughput(COSTS, few, hosts).payments_a_second for hosts in (4, 64)] == pytest.approx([20_000, 20_000])
    assert throughput(COSTS, few, 4).limit == "API replicas"


def test_a_turn_that_takes_all_of_the_time_is_refused() -> None:
    with pytest.raises(ValueError, match="let it last longer"):
        throughput(COSTS, msgspec.structs.replace(AMPLE, turn_seconds=0.001), 1)


def test_turns_grow_only_as_long_as_that_leaves_the_database_more_cores() -> None:
    growing = msgspec.structs.replace(AMPLE, turn_seconds_max=0.1, travelling_share_max=0.0)
    cheap = msgspec.structs.replace(COSTS, turn_microseconds=10.0)
    assert throughput(cheap, growing, 1).turn_seconds == growing.turn_seconds
    short = msgspec.structs.replace(growing, database_cores=2.0)
    found, fixed = (
        throughput(cheap, machines, 64) for machines in (short, msgspec.structs.replace(short, turn_seconds_max=0.01))
    )
    assert found.turn_seconds > 0.05
    assert found.payments_a_second > fixed.payments_a_second


def test_the_fixed_and_the_added_costs_are_solved_from_hosts_in_one_process(tmp_path: Path) -> None:
    costs = read_costs(_report(tmp_path, {}), "batch").costs
    assert costs.turn_microseconds == pytest.approx(640.0)  # 10 microseconds more for each of 64
    assert costs.append_microseconds == pytest.approx(128.0)
    assert costs.travel_microseconds == pytest.approx(2 * (30 - 11))
    assert costs.journal_travel_bytes == pytest.approx(2 * (190 - 120))
    assert costs.disk_megabytes_a_second == pytest.approx(100.0)
    assert costs.api_microseconds == pytest.approx(6.0)


def test_what_whole_instances_cost_comes_first_and_shows_what_the_parts_would_have_said(tmp_path: Path) -> None:
    whole = {ONE_HOST: _cpu(0.5, 0.4, 100_000), TWO_HOSTS: _cpu(0.2, 1.0, 40_000), SINGLE: _cpu(0.8, 0.2, 10_000)}
    measured = read_costs(_report(tmp_path, whole), "single")
    assert measured.costs.api_microseconds == pytest.approx(80.0)
    assert measured.costs.host_microseconds == pytest.approx(4.0)
    assert measured.costs.travel_microseconds == pytest.approx(2 * (25 - 4))
    # 10 microseconds in all on one host; half of the payments would need 38 + 4 more.
    assert measured.predicted == pytest.approx(10 / (10 + 0.5 * 42))
    assert measured.measured == 0.4
    assert read_costs(_report(tmp_path, whole), "batch").costs.api_microseconds == pytest.approx(5.0)


def test_a_report_without_single_payments_says_which_layers_are_needed(tmp_path: Path) -> None:
    with pytest.raises(BadReport, match="payments bench host codec http_single"):
        read_costs(_report(tmp_path, {}), "single")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"{", "is not a report"), (b'{"figures": []}', "lacks"), (b'{"figures": 3}', "is not a report")]
)
def test_a_file_that_is_no_such_report_is_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(BadReport, match=reason):
        read_costs(path, "batch")
    done = CliRunner().invoke(model, ["--costs", str(path)])
    assert done.exit_code == 1
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--requests", "batch"], ["--travelling", "0", "--database-cores", "16"]])
def test_the_command_prints_a_row_for_each_number_of_hosts_and_says_where_it_ends(arguments: list[str]) -> None:
    done = CliRunner().invoke(model, arguments)
    assert done.exit_code == 0, done.output
    rows = [line.split("│")[1].strip() for line in done.output.splitlines() if line.startswith("│")]
    assert [row for row in rows if row] == [str(hosts) for hosts in HOSTS]
    assert "At least 0.9 of linear up to" in done.output
    assert "check: two hosts" in done.output


def _report(folder: Path, cpu: dict[str, dict[str, object]]) -> Path:
    """Write a report in which turns and travelling have round costs."""
    figures = [
        *_case(SMALL, 20.0, 4.0, 110.0, 64.0),
        *_case(USUAL, 11.0, 2.0, 120.0, 2_000.0),
        *_case(LARGE, 10.0, 2.0, 100.0, 1e12),  # so many payments in a turn that its own cost does not show
        *_case(PAIR, 30.0, 4.0, 190.0, 300.0),
        Figure("host", LARGE, "payments/s", [1e5], limit=1e6),
        Figure("codec", "JSON of a batch to messages: decoded, checked, fingerprinted", "us/payment", [4.0]),
        Figure("codec", "messages to hosts, encoded", "us/payment", [1.0]),
        Figure("codec", "answers of hosts, decoded", "us/payment", [1.0]),
        Figure("http_two_hosts", "batches of 1,000, two hosts against one", "ratio", [0.4]),
    ]
    shown = [msgspec.to_builtins(figure) | {"median": figure.median} for figure in figures]
    path = folder / "report.json"
    path.write_bytes(msgspec.json.encode({"figures": shown, "cpu": cpu}))
    return path


def _cpu(api: float, host: float, payments: int) -> dict[str, object]:
    return {"cores": {"API": api, "host": host, "PostgreSQL": 0.1}, "payments": payments, "seconds": 1.0}


def _case(case: str, host: float, database: float, journal: float, turn: float) -> list[Figure]:
    values = {"the host": host, "PostgreSQL": database, "journal": journal, "a turn": turn}
    return [Figure("host", f"{case}: {what}", "", [value]) for what, value in values.items()]
