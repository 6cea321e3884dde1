"""The report as one HTML page that needs nothing else: no script, no font, no other file."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from loadtests.report.axis import number
from loadtests.report.charts import charts
from loadtests.report.result import Percentiles, Result

_STYLE = Path(__file__).with_name("page.css")


def page(result: Result) -> str:
    """Return the page. It is well-formed XML too."""
    plan = result.plan
    title = f"Load test {plan.scenario}"
    parts = [
        f"<h1>{escape(plan.scenario)}</h1>",
        f"<p>{escape(result.description)} {escape(_how(result))}</p>",
        _verdict(result),
        _tiles(result),
        f'<div class="charts">{"".join(chart.svg() for chart in charts(result))}</div>',
        f'<div class="tables">{_tables(result)}</div>',
        _over_time(result),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(title)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _how(result: Result) -> str:
    plan = result.plan
    how = f"{result.loop[0].upper()}{result.loop[1:]}, {plan.shape} for {plan.seconds:g} s"
    if plan.is_closed:
        return f"{how}. Latency is from the sending: with users who wait for answers, a stall of the instance hides itself."
    return f"{how}, {plan.connections} requests in flight at most. Latency is from when a request was due, sent in time or not."


def _verdict(result: Result) -> str:
    if not result.failures:
        return f'<p class="verdict">Passed, {escape(result.audit.line)}.</p>'
    lines = "".join(f"<br/>{escape(failure)}" for failure in result.failures)
    return f'<p class="verdict failed">Failed.{lines}</p>'


def _tiles(result: Result) -> str:
    latency = result.latency
    tiles = [
        ("payments made", f"{result.rate_achieved:,.0f}", f"/s of {result.rate_offered:,.0f} offered"),
        ("p50", _milliseconds(latency.p50), "ms"),
        ("p99", _milliseconds(latency.p99), "ms"),
        ("p99.9", _milliseconds(latency.p999), "ms"),
        ("dropped", f"{result.dropped:,}", f"of {result.offered:,} requests"),
        ("errors", f"{result.errors:,}", f"of {result.offered:,} requests"),
    ]
    if result.killed_host is not None:
        tiles.append(("all shards back", f"{result.killed_host.away_seconds:.2f}", "s after the kill"))
    shown = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)} <small>{escape(unit)}</small></dd></div>" for name, value, unit in tiles
    )
    return f'<dl class="tiles">{"".join(shown)}</dl>'


def _tables(result: Result) -> str:
    plan, machine = result.plan, result.machine
    requests = {
        "due": f"{result.offered:,}",
        "answered": f"{result.answered:,}",
        "dropped, never sent": f"{result.not_started:,}",
        f"dropped, no answer within {plan.timeout_seconds:g} s": f"{result.timed_out:,}",
        **{f"status {status}": f"{count:,}" for status, count in result.statuses.items()},
        **{f"sent again after {reason}": f"{count:,}" for reason, count in result.retried.items()},
        "repeated an earlier key": f"{result.repeats:,}",
    }
    settings = {"": "another instance's: unknown"} if result.settings is None else result.settings or {"": "all as by default"}
    run = {
        "commit": machine.commit, "processor": f"{machine.cores} cores of {machine.processor}",
        "memory": f"{machine.memory_bytes / 2**30:.1f} GiB", "system": machine.system,
        "load average before": f"{machine.load_average:g}", "Python": machine.python,
        "client": f"{result.client_cpu_share:.0%} of a core, processes: {plan.processes}, seed {plan.seed}, "
        f"{plan.accounts:,} accounts, {plan.url}",
        "packages": ", ".join(f"{name} {version}" for name, version in result.packages.items()),
    }  # fmt: skip
    return (
        f"<section><h2>Requests</h2>{_pairs(requests)}</section>"
        f"<section><h2>Latency</h2>{_latencies(result)}<h2>Settings that differ</h2>{_pairs(settings)}</section>"
        f"<section><h2>Machine</h2>{_pairs(run)}</section>"
    )


def _latencies(result: Result) -> str:
    def row(name: str, latency: Percentiles) -> list[str]:
        values = (latency.p50, latency.p90, latency.p99, latency.p999, latency.maximum, latency.mean)
        return [name, *map(_milliseconds, values)]

    rows = [row("answered, ms", result.latency), row("sent late, ms", result.lag)]
    return _table(["", "p50", "p90", "p99", "p99.9", "most", "mean"], rows)


def _over_time(result: Result) -> str:
    rows = [
        [
            number(moment.second), number(moment.offered), number(moment.paid), str(moment.dropped), str(moment.errors),
            *map(_milliseconds, (moment.p50, moment.p99, moment.p999)),
        ]
        for moment in result.over_time
    ]  # fmt: skip
    headings = ["second", "requests/s due", "payments/s made", "dropped", "errors", "p50 ms", "p99 ms", "p99.9 ms"]
    return f"<details><summary>All figures over time</summary>{_table(headings, rows)}</details>"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table class="numbers"><tr>{head}</tr>{body}</table></div>'


def _pairs(pairs: Mapping[str, str]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs.items())
    return f"<table>{rows}</table>"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}" if value < 1_000 else f"{value:,.0f}"
