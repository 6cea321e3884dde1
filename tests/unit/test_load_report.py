"""The result of a load test, and the page that shows it."""

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from click.testing import CliRunner

from loadtests.bench.machine import this_machine
from loadtests.measures.measurements import NO_ANSWER, Measurements
from loadtests.report.axis import Axis, linear, logarithmic
from loadtests.report.outcome import write_outcome
from loadtests.report.page import page
from loadtests.report.result import Result, make_result
from loadtests.run.money_audit import MoneyAudit
from loadtests.run.outage import KilledHost
from processor.cli.loadtest import loadtest
from processor.local.ports import free_port
from tests.unit.load_plan import plan_of

PASSED = MoneyAudit(True, "money audit: everything is right", [])


def measured(status: int = 201) -> Measurements:
    """Return 100 requests in 10 s that took 1 to 100 ms; the last gets this status. Besides, one without an answer, one never sent."""
    found = Measurements()
    for number in range(100):
        due = number / 10
        found.due(due)
        found.answer(due, due, due + (number + 1) / 1_000, 201 if number < 99 else status, 1)
    found.due(9.5)
    found.answer(9.5, 9.5, 11.5, NO_ANSWER, 0)
    found.due(9.6)
    found.drop_unsent(9.6)
    return found


def result_of(
    measurements: Measurements, audit: MoneyAudit = PASSED, killed: KilledHost | None = None, scenario: str = "random"
) -> Result:
    return make_result(plan_of(scenario), measurements, audit, killed, this_machine(), {"shards": "4"})


def test_a_result_holds_exact_counts_percentiles_and_rates() -> None:
    result = result_of(measured())
    assert (result.offered, result.answered, result.timed_out, result.not_started, result.paid) == (102, 100, 1, 1, 100)
    latency = result.latency
    assert (latency.p50, latency.p90, latency.p99, latency.maximum) == pytest.approx((50, 90, 99, 100), rel=0.002)
    assert result.rate_offered == pytest.approx(10.2)
    assert result.over_time[9].dropped == 2
    assert sum(count for _, count in result.distribution) == 100
    assert result.failures == []


def test_errors_beyond_the_allowance_differences_and_the_audit_fail_a_run() -> None:
    found = measured(status=500)
    found.differ("payment 3 was answered twice")
    wrong = MoneyAudit(False, "the money audit found 1 differences", ["account a has 1 too much"])
    failures = result_of(found, wrong).failures
    assert failures[0].startswith("the money audit found")
    assert "account a has 1 too much" in failures
    assert "2 of 102 requests ended in an error; 0.00% may" in failures
    assert "payment 3 was answered twice" in failures


def test_a_run_that_made_no_payment_has_failed() -> None:
    assert result_of(Measurements()).failures == ["no payment was made at all"]


def test_a_result_reads_back_as_it_was_written(tmp_path: Path) -> None:
    result = result_of(measured(), killed=KilledHost(4.0, 4, 0.5))
    said: list[str] = []
    assert write_outcome(result, tmp_path, said.append)
    assert msgspec.json.decode((tmp_path / "result.json").read_bytes(), type=Result) == result
    assert "10 payments/s offered, 10 made" in said[0]
    assert any("killed at 4 s: all answered after 0.50 s" in line for line in said)
    assert (tmp_path / "report.html").stat().st_size > 5_000


def parsed(result: Result) -> ElementTree.Element:
    html = page(result)
    assert html.startswith("<!DOCTYPE html>")
    return ElementTree.fromstring(html.split("\n", 1)[1])


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    html = page(result_of(measured()))
    for element in parsed(result_of(measured())).iter():
        assert element.tag not in ("script", "link", "img", "iframe")
        assert not {"src", "href"} & set(element.attrib)
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_shows_the_figures_the_machine_and_the_settings() -> None:
    result = result_of(measured(status=422), killed=KilledHost(4.0, 4, 0.5))
    text = " ".join(parsed(result).itertext())
    for shown in (
        "50.0",
        "99.1",
        "status 422",
        "host killed",
        "shards",
        result.machine.commit,
        result.machine.processor,
        "Failed",
    ):
        assert shown in text
    svgs = [element for element in parsed(result).iter() if element.tag == "svg"]
    assert [svg.attrib["aria-label"] for svg in svgs] == [
        "Throughput", "Latency over time", "Latency by percentile", "Errors and dropped requests",
    ]  # fmt: skip


def test_what_an_instance_says_is_escaped() -> None:
    found = measured()
    found.differ("<script>alert('&')</script>")
    assert "<script>alert('&')</script>" in " ".join(parsed(result_of(found)).itertext())


def test_a_page_can_be_made_of_a_run_in_which_nothing_was_answered() -> None:
    assert "no payment was made at all" in " ".join(parsed(result_of(Measurements())).itertext())


def test_axes_end_at_round_values_that_hold_everything() -> None:
    assert linear([3.0, 947.0], 0, 1).ticks == [0, 200, 400, 600, 800, 1000]
    assert logarithmic([0.7, 42.0], 0, 1).ticks == pytest.approx([0.1, 1, 10, 100])
    axis = Axis(1.0, 100.0, 200.0, 0.0, is_logarithmic=True)
    assert (axis.place(1.0), axis.place(10.0), axis.place(100.0), axis.place(1e9)) == (200.0, 100.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "'nonsense' is not one of 'random', 'zipf', 'hot'"),
        (["random", "--rate", "0"], "--rate"),
        (["random", "--url", "nonsense"], "is not an http or https URL"),
        (["random", "--url", f"http://127.0.0.1:{free_port()}"], "nobody listens at"),
        (["kill_a_host", "--url", "http://127.0.0.1:1"], "kills only hosts of an instance of its own"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(loadtest, [*arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert said in done.output.strip().splitlines()[-1]
    assert not (tmp_path / "out").exists()
