"""Everything that one run found, as it is written to result.json."""

from importlib.metadata import version
from pathlib import Path

import msgspec

from loadtests.bench.machine import Machine
from loadtests.measures.histogram import Histogram
from loadtests.measures.measurements import Interval, Measurements
from loadtests.run.money_audit import MoneyAudit
from loadtests.run.outage import KilledHost
from loadtests.scenarios.plan import Plan

FORMAT = "loadtest 1"
_LOCUST_PACKAGES = ("locust", "gevent")


class Percentiles(msgspec.Struct, frozen=True):
    """Milliseconds; None where nothing was measured."""

    p50: float | None
    p90: float | None
    p99: float | None
    p999: float | None
    maximum: float | None
    mean: float | None


class Moment(msgspec.Struct, frozen=True):
    """One interval of the run, from `second` on. Rates are per second: requests offered, payments made."""

    second: float
    offered: float
    paid: float
    errors: int
    dropped: int
    p50: float | None
    p99: float | None
    p999: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Rates are payments per second of the run, without repeated ones; latencies are from when a request was due, milliseconds.

    `offered` to `repeats` count requests, `paid` payments. `distribution` lists (latency, requests) of each bucket of the histogram.
    `settings` differ from their defaults; None: another instance's, unknown. `failures` say why the run has failed.
    """

    format: str = FORMAT
    plan: Plan
    description: str
    rate_offered: float
    rate_achieved: float
    offered: int
    answered: int
    not_started: int
    timed_out: int
    errors: int
    repeats: int
    paid: int
    statuses: dict[str, int]
    retried: dict[str, int]
    latency: Percentiles
    lag: Percentiles
    over_time: list[Moment]
    distribution: list[tuple[float, int]]
    killed_host: KilledHost | None
    audit: MoneyAudit
    failures: list[str]
    client_cpu_share: float
    machine: Machine
    settings: dict[str, str] | None
    packages: dict[str, str]

    def write(self, path: Path) -> None:
        """Write it as JSON. Raises OSError."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    @property
    def dropped(self) -> int:
        """Requests that were due and got no answer in time."""
        return self.not_started + self.timed_out

    @property
    def loop(self) -> str:
        """How the load is driven, in words."""
        plan = self.plan
        return f"closed loop, {plan.users} users" if plan.is_closed else f"open loop, {plan.arrivals} arrivals"


def make_result(
    plan: Plan,
    measured: Measurements,
    audit: MoneyAudit,
    killed: KilledHost | None,
    machine: Machine,
    settings: dict[str, str] | None,
) -> Result:
    """Return the result of a run."""
    seconds = max(plan.seconds, measured.last_answer_seconds)
    return Result(
        plan=plan,
        description=plan.of.description,
        rate_offered=(measured.offered - measured.repeats) * plan.of.batch_payments / plan.seconds,
        rate_achieved=measured.paid / seconds,
        offered=measured.offered,
        answered=measured.latency.total,
        not_started=measured.not_started,
        timed_out=measured.timed_out,
        errors=measured.errors,
        repeats=measured.repeats,
        paid=measured.paid,
        statuses={str(status): count for status, count in sorted(measured.statuses.items())},
        retried=measured.retried,
        latency=percentiles(measured.latency),
        lag=percentiles(measured.lag),
        over_time=[_moment(place, interval, measured.interval_seconds) for place, interval in enumerate(measured.intervals)],
        distribution=list(measured.latency.buckets()),
        killed_host=killed,
        audit=audit,
        failures=_failures(plan, measured, audit),
        client_cpu_share=measured.cpu_seconds / seconds,
        machine=machine,
        settings=settings,
        packages={**machine.packages, **{name: version(name) for name in _LOCUST_PACKAGES}},
    )


def percentiles(histogram: Histogram) -> Percentiles:
    """Return the usual percentiles."""
    p50, p90, p99, p999, maximum = (histogram.percentile_ms(percent) for percent in (50, 90, 99, 99.9, 100))
    return Percentiles(p50, p90, p99, p999, maximum, histogram.mean_ms)


def _moment(place: int, interval: Interval, seconds: float) -> Moment:
    latency = interval.latency
    return Moment(
        place * seconds, interval.offered / seconds, interval.paid / seconds, interval.errors, interval.dropped,
        latency.percentile_ms(50), latency.percentile_ms(99), latency.percentile_ms(99.9),
    )  # fmt: skip


def _failures(plan: Plan, measured: Measurements, audit: MoneyAudit) -> list[str]:
    failures = [] if audit.passed else [audit.line, *audit.problems]
    allowed = plan.of.errors_allowed_share
    if measured.errors > allowed * measured.offered:
        failures.append(f"{measured.errors:,} of {measured.offered:,} requests ended in an error; {allowed:.2%} may")
    failures += measured.differences
    if not measured.paid:
        failures.append("no payment was made at all")
    return failures
