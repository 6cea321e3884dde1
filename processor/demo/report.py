"""What the demo prints."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from processor.client.latencies import Latencies
from processor.demo.outage import Outage
from processor.demo.run import Load
from processor.demo.statement import Entry, Total

_SHOWN_ENTRIES = 12
_SHOWN_DIFFERENCES = 20
_WIDTH = 118


def make_console() -> Console:
    """Return the console for the report: as wide as the terminal, a fixed width elsewhere, never coloured there."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=_WIDTH)


def say(console: Console, line: str) -> None:
    """Print one line, however long."""
    console.print(line, markup=False, soft_wrap=True)


def money(minor: int | str) -> str:
    """Return an amount of a currency with two decimals, as people write it."""
    value = int(minor)
    return f"{'-' if value < 0 else ''}{abs(value) // 100:,}.{abs(value) % 100:02d}"


def loads_table(loads: dict[str, Load]) -> Table:
    """Return throughput and latencies of the loads, with and without the seconds of the outage."""
    table = Table(
        "load", title="Throughput and latencies (a batch counts as one request, retries included)", title_justify="left"
    )
    for heading in ("payments", "seconds", "payments/s", "p50 ms", "p99 ms", "max ms", "sent again"):
        table.add_column(heading, justify="right")
    for name, load in loads.items():
        result, outage = load.result, load.outage
        table.add_row(name, *_figures(result.count, result.seconds, result.latencies), f"{result.retries:,}")
        if outage is not None:
            calm = result.latencies.without(outage.killed_at, outage.over_at)
            count = round(result.count * len(calm) / max(len(result.latencies), 1))
            seconds = result.seconds - outage.seconds_within(result.started, result.started + result.seconds)
            table.add_row("  without the outage", *_figures(count, seconds, calm), "")
    return table


def _figures(count: int, seconds: float, latencies: Latencies) -> tuple[str, ...]:
    percentiles = (f"{latencies.percentile_ms(percent):,.1f}" if len(latencies) else "-" for percent in (50, 99, 100))
    return f"{count:,}", f"{seconds:.2f}", f"{count / seconds:,.0f}" if seconds > 0 else "-", *percentiles


def outage_lines(load: Load) -> list[str]:
    """Say what was killed, and how long the shards were away."""
    if load.outage is None:
        return [f"no shard host was killed: {load.not_killed}"] if load.not_killed else []
    return [_outage_line(load.outage)]


def _outage_line(outage: Outage) -> str:
    away = sorted(outage.away_seconds.values())
    spread = f"answered again after {away[0]:.2f} to {away[-1]:.2f} s" if away else "had no account of this run"
    return f"killed shard host {outage.host} (process {outage.pid}, SIGKILL); its {outage.shards} shards {spread}"


def statement_table(account: str, entries: Sequence[Entry]) -> Table:
    """Return the newest entries of an account with the running balance."""
    shown = entries[:_SHOWN_ENTRIES]
    table = Table("time", "payment", "kind", title=f"Statement of {account}: the newest {len(shown)} of {len(entries)} entries")
    table.title_justify = "left"
    for heading in ("debit", "credit", "balance"):
        table.add_column(heading, justify="right")
    for entry in shown:
        debit, credit = (money(entry.amount), "") if entry.direction == "debit" else ("", money(entry.amount))
        table.add_row(entry.at, entry.payment_id, entry.kind, debit, credit, money(entry.posted_after))
    return table


def totals_table(totals: dict[str, Total]) -> Table:
    """Return the trial balance."""
    table = Table("currency", title="Trial balance of the whole ledger", title_justify="left")
    for heading in ("accounts", "posted", "in transit", "sum"):
        table.add_column(heading, justify="right")
    for currency, total in sorted(totals.items()):
        posted, in_transit = int(total.posted), int(total.in_transit)
        # In minor units: a ledger may hold currencies with any number of decimals.
        table.add_row(currency, f"{total.accounts:,}", f"{posted:,}", f"{in_transit:,}", f"{posted + in_transit:,}")
    return table


def difference_lines(differences: Sequence[str]) -> list[str]:
    """Return the first differences, and how many more there are."""
    more = len(differences) - _SHOWN_DIFFERENCES
    return [*differences[:_SHOWN_DIFFERENCES], *([f"... and {more:,} more"] if more > 0 else [])]
