"""The charts of a run."""

from math import log10

from loadtests.report.axis import logarithmic
from loadtests.report.chart import Chart, Line, Span
from loadtests.report.result import Result

_PERCENTS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def charts(result: Result) -> list[Chart]:
    """Return throughput and latency over time, the distribution of latencies, and errors with drops over time where there are any."""
    # What comes after the end are the last answers: no whole interval, and nothing was due.
    moments = [moment for moment in result.over_time if moment.second < result.plan.seconds]
    killed = result.killed_host
    seconds = [moment.second for moment in moments]
    span = Span("host killed", killed.at_seconds, killed.at_seconds + killed.away_seconds) if killed else None
    times = "seconds since the start"
    size = result.plan.of.batch_payments
    offered = Line("offered", "offered", [(moment.second, moment.offered * size) for moment in moments])
    paid = Line("made", "first", [(moment.second, moment.paid) for moment in moments])
    percentiles = [
        Line("p50", "first", list(zip(seconds, [moment.p50 for moment in moments], strict=True))),
        Line("p99", "second", list(zip(seconds, [moment.p99 for moment in moments], strict=True))),
        Line("p99.9", "third", list(zip(seconds, [moment.p999 for moment in moments], strict=True))),
    ]
    troubles = [
        Line("errors", "third", [(moment.second, moment.errors) for moment in moments]),
        Line("dropped", "second", [(moment.second, moment.dropped) for moment in moments]),
    ]
    shown = [
        Chart("Throughput", times, "payments/s", [offered, paid], span=span),
        Chart("Latency over time", times, "ms", percentiles, logarithmic, span=span),
        _distribution(result),
    ]
    if result.errors or result.dropped:
        shown.append(Chart("Errors and dropped requests", times, "requests", troubles, span=span))
    return shown


def _distribution(result: Result) -> Chart:
    """Latency by percentile; each further nine takes the same room."""
    points: list[tuple[float, float | None]] = []
    seen = 0
    for milliseconds, count in result.distribution:
        points.append((_nines(100 * seen / result.answered), milliseconds))
        seen += count
        if seen < result.answered:
            points.append((_nines(100 * seen / result.answered), milliseconds))
    last = points[-1][0] if points else 0.0
    ticks = [(_nines(percent), f"{percent:g}%") for percent in _PERCENTS if _nines(percent) <= max(last, 2.0) + 1e-9]
    line = Line("latency", "first", points)
    return Chart("Latency by percentile", "percent of the requests were at most so slow", "ms", [line], logarithmic, ticks)


def _nines(percent: float) -> float:
    """Return 0 for 0 %, 1 for 90 %, 2 for 99 % and so on."""
    return -log10(1 - percent / 100)
