"""`payments loadtest` against a whole instance: real locust processes, a real report, a real audit."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from loadtests.report.outcome import write_outcome
from loadtests.report.result import Result
from loadtests.run.load import run_load
from loadtests.run.money_audit import audit
from loadtests.run.options import LoadOptions
from loadtests.run.target import Target
from processor.client.address import parse_address
from tests.system.instance import Instance, new_folder


@pytest.fixture(scope="module")
def loaded() -> Iterator[Instance]:
    """A running instance with two shard hosts; the tests of this module take turns at it."""
    instance = Instance(new_folder(), shards=4, shard_hosts=2)
    try:
        yield instance.start()
    finally:
        instance.remove()


@pytest.fixture
def results() -> Iterator[Path]:
    """A folder for results."""
    folder = new_folder()
    yield folder / "results"
    shutil.rmtree(folder, ignore_errors=True)


def read(folder: Path) -> Result:
    return msgspec.json.decode((folder / "result.json").read_bytes(), type=Result)


def test_a_retry_storm_is_answered_alike_and_its_money_adds_up(loaded: Instance, results: Path) -> None:
    done = loaded.run(
        "loadtest", "retry_storm", "--url", loaded.url, "--rate", "400", "--seconds", "3", "--accounts", "200", "--out", str(results)
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result = read(results)
    assert result.repeats > 100
    assert (result.errors, result.dropped, result.failures) == (0, 0, [])
    assert result.statuses == {"201": result.offered}
    assert result.paid == result.offered - result.repeats
    assert f"{result.paid:,} payments acknowledged" in result.audit.line
    assert "payments verify: the journal, the live state and the read model agree" in result.audit.line
    assert "<svg" in (results / "report.html").read_text()


@pytest.mark.slow
def test_distributed_workers_share_the_batches_of_one_schedule(loaded: Instance, results: Path) -> None:
    done = loaded.run(
        "loadtest", "batch_100", "--url", loaded.url, "--rate", "2000", "--seconds", "3", "--arrivals", "even", "--workers", "2",
        "--accounts", "200", "--out", str(results),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result = read(results)
    assert (result.offered, result.answered, result.paid) == (60, 60, 6_000)
    assert result.plan.processes == 2
    assert result.audit.passed


@pytest.mark.slow
def test_a_killed_host_costs_no_money_and_an_audit_that_must_fail_fails(loaded: Instance, results: Path) -> None:
    target = Target(parse_address(loaded.url), loaded.environment)
    options = LoadOptions(scenario="kill_a_host", out=str(results), rate=200, seconds=5, accounts=200)
    result = asyncio.run(run_load(target, options, lambda line: None))
    assert result.killed_host is not None
    assert result.killed_host.away_seconds > 0
    assert result.failures == []
    said: list[str] = []
    assert write_outcome(result, results, said.append)

    # What the audit is worth: a balance that is not what was acknowledged is found.
    account = result.plan.account_ids[0]
    wrong = asyncio.run(audit(target, {account: 10**12}, result.paid))
    assert not wrong.passed
    assert wrong.problems[0].startswith(f"{account} has ")
