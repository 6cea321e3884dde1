"""Writing down what a run found, and telling it in a few lines."""

from collections.abc import Callable
from pathlib import Path

from loadtests.report.page import page
from loadtests.report.result import Percentiles, Result


def write_outcome(result: Result, folder: Path, say: Callable[[str], None]) -> bool:
    """Write result.json and report.html into the folder, say what was found, and return whether the run has passed.

    Raises OSError.
    """
    result.write(folder / "result.json")
    (folder / "report.html").write_text(page(result), encoding="utf-8")
    for line in summary(result):
        say(line)
    say(f"{folder / 'report.html'} shows it; {folder / 'result.json'} keeps it for payments bench compare")
    return not result.failures


def summary(result: Result) -> list[str]:
    """Return the lines for the terminal."""
    plan = result.plan
    lines = [
        f"{plan.scenario}, {result.loop}, {plan.shape}: {result.rate_offered:,.0f} payments/s offered, "
        f"{result.rate_achieved:,.0f} made ({result.paid:,} in {plan.seconds:g} s)",
        f"{result.offered:,} requests due: {result.answered:,} answered, {result.dropped:,} dropped ({result.not_started:,} never sent, "
        f"{result.timed_out:,} without an answer after {plan.timeout_seconds:g} s), {result.errors:,} errors",
        f"latency from when a request was {'sent' if plan.is_closed else 'due'}: {in_words(result.latency)}",
        f"the client used {result.client_cpu_share:.0%} of a core; it sent late by {in_words(result.lag)}",
    ]
    if result.retried:
        lines.append(f"sent again: {', '.join(f'{count:,} after {reason}' for reason, count in result.retried.items())}")
    if result.repeats:
        lines.append(f"{result.repeats:,} requests repeated an earlier key and were answered as the first was")
    if result.killed_host is not None:
        killed = result.killed_host
        lines.append(
            f"a host with {killed.shards} shards was killed at {killed.at_seconds:g} s: all answered after {killed.away_seconds:.2f} s"
        )
    if result.audit.passed:
        lines.append(result.audit.line)
    return lines + [f"FAILED: {failure}" for failure in result.failures]


def in_words(latency: Percentiles) -> str:
    """Return the percentiles as text."""
    named = (("p50", latency.p50), ("p99", latency.p99), ("p99.9", latency.p999), ("at most", latency.maximum))
    return ", ".join(f"{name} {value:,.1f} ms" for name, value in named if value is not None) or "nothing was measured"
