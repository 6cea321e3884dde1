"""`payments capacity`: what a load needs, on paper, from measured costs, and what that costs a month."""

import sys
from collections.abc import Callable
from typing import Any

import click
import msgspec

from processor.capacity.costs import costs_table
from processor.capacity.demand import BadDemand, Demand
from processor.capacity.plan import plan
from processor.capacity.tables import markdown, plan_lines

_DEFAULT = Demand(payments_per_second=1, accounts=2)
BAD_DEMAND = 2


def _option(name: str, help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    default = getattr(_DEFAULT, name.replace("-", "_"))
    return click.option(f"--{name}", type=float, default=default, show_default=f"{default:g}", help=help_text)


@click.command()
@click.option("--payments-per-second", type=float, help="At the peak, which is to be carried with a zone missing.")
@click.option("--accounts", type=float, help="Accounts, such as 50e6.")
@_option("batch-share", "Share of the payments that come a thousand in a request.")
@_option("mean-share", "The average over a month, as a share of the peak.")
@_option("travelling", "Share of the payments between random accounts that really occur; 0: clients keep to one host's accounts.")
@_option("hottest-share", "Share of the payments that touch the busiest account.")
@_option("growth", "Growth of the load in a year; 0.5 is half as much again.")
@_option("months", "Sizes and bill are those after so many months.")
@_option("used", "How far parts are used at the peak with a zone missing.")
@_option("stream-days", "Days for which Kinesis keeps events.")
@_option("transactions-days", "Days for which payments stay in DynamoDB's table; 0: for ever.")
@_option("backup-days", "Days to any moment of which Aurora can be brought back.")
@_option("key-hours", "Hours for which Redis remembers keys, to see those that are used for two accounts.")
@_option("recovery-seconds", "Until the last shard is served again after the loss of a zone.")
@click.option("--zones", type=int, default=_DEFAULT.zones, show_default=True, help="Availability zones; 1 is a trial.")
@click.option(
    "--journal", type=click.Choice(("postgres", "mirrored")), default=_DEFAULT.journal, show_default=True, help="As the setting."
)
@click.option(
    "--bridges", default=",".join(_DEFAULT.bridges), show_default=True, help="What events are carried to; empty: nothing."
)
@click.option(
    "--edge/--no-edge", default=True, show_default=True, help="Whether requests come through CloudFront, WAF, API Gateway."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.option(
    "--table",
    "tables",
    type=click.Choice(("scale", "ends", "costs", "known")),
    multiple=True,
    help="Print a table of the documents.",
)
def capacity(
    payments_per_second: float | None,
    accounts: float | None,
    bridges: str,
    as_json: bool,
    tables: tuple[str, ...],
    **options: Any,
) -> None:
    """Say what a load needs: ledgers, shards, hosts, AWS sizes, a monthly cost, and where one ledger ends.

    From the costs of processor/capacity/costs.py (`--table known`), which `payments bench` has measured, and list prices of prices.py.
    """
    if tables:
        click.echo("\n\n".join(costs_table() if table == "known" else markdown([table]) for table in tables))
        return
    if payments_per_second is None or accounts is None:
        raise click.UsageError("say --payments-per-second and --accounts, or --table")
    named = tuple(part for part in bridges.split(",") if part)
    try:
        found = plan(Demand(payments_per_second=payments_per_second, accounts=accounts, bridges=named, **options))
    except BadDemand as error:
        click.echo(f"payments: {error}", err=True)
        sys.exit(BAD_DEMAND)
    if as_json:
        content = msgspec.to_builtins(found) | {"per_million": found.per_million}
        click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2))
        return
    click.echo("\n".join(plan_lines(found)))
