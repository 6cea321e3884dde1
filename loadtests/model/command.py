"""`payments bench model`: the table of what 1 to 64 shard hosts make, and where that stops being linear."""

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from loadtests.model.costs import BadReport, Costs, Measured, Requests, read_costs
from loadtests.model.throughput import Machines, Throughput, linear_until, throughput

HOSTS = (1, 2, 4, 8, 16, 32, 64)
REPLICAS = (1, 4, 16, 64)
MEASURED = Path(__file__).with_name("measured.json")
_TURN_GROWTH = 10
_WIDTH = 180
_WHY = {
    "API replicas": "there are too few API replicas: each is one process with one core",
    "shard hosts": "most payments travel between two hosts by now, and these cost their hosts more",
    "database cores": "the one database has no more cores for appends",
    "journal's disk": "the one database's disk takes no more bytes of journal a second",
}


@click.command()
@click.option(
    "--costs", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="A report with measured costs: `payments bench host codec http_single http_two_hosts --json FILE`. "
    "[default: those of loadtests/model/measured.json]",
)  # fmt: skip
@click.option(
    "--requests", type=click.Choice(("single", "batch")), default="single", show_default=True, help="What clients send."
)
@click.option("--database-cores", type=click.FloatRange(0.1, 1024), default=2.0, show_default=True)
@click.option(
    "--disk-megabytes", type=click.FloatRange(0.1, 1e6), help="A second, into the journal. [default: as measured with one writer]"
)
@click.option(
    "--turn-milliseconds",
    type=click.FloatRange(0.5, 1000),
    default=10.0,
    show_default=True,
    help="How often each host appends at least.",
)
@click.option(
    "--travelling", type=click.FloatRange(0, 1), default=1.0, show_default=True,
    help="Share of the payments between random accounts that really occur between hosts; 0: clients keep to one host's accounts.",
)  # fmt: skip
def model(
    path: Path | None,
    requests: Requests,
    database_cores: float,
    disk_megabytes: float | None,
    turn_milliseconds: float,
    travelling: float,
) -> None:
    """Say how many payments a second 1 to 64 shard hosts and API replicas make, from measured costs.

    The formulae are in loadtests/model/throughput.py.
    """
    try:
        measured = read_costs(path or MEASURED, requests)
        shortest = turn_milliseconds / 1000
        machines = Machines(database_cores, disk_megabytes, shortest, _TURN_GROWTH * shortest, None, travelling)
        lines = describe(measured, machines)
        table = table_of(measured.costs, machines)
    except (BadReport, ValueError) as error:
        raise click.ClickException(str(error)) from None
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    console.print(table)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def table_of(costs: Costs, machines: Machines) -> Table:
    """Return the table: a row for each number of hosts."""
    one = throughput(costs, machines, 1).payments_a_second
    table = Table("hosts", title=f"Payments a second ({costs.requests} requests)", title_justify="left")
    for heading in (
        "travelling",
        "enough API replicas",
        "of linear",
        "limited by",
        "turn ms",
        "replicas needed",
        "database cores",
        "journal MB/s",
    ):
        table.add_column(heading, justify="right")
    for replicas in REPLICAS:
        table.add_column(f"{replicas} API", justify="right")
    for hosts in HOSTS:
        found = throughput(costs, machines, hosts)
        table.add_row(*_row(found, one), *_with_replicas(costs, machines, hosts))
    return table


def describe(measured: Measured, machines: Machines) -> list[str]:
    """Return what the table means, and how far the model can be trusted."""
    costs = measured.costs
    until = linear_until(costs, machines, HOSTS[-1])
    one, two, four = (throughput(costs, machines, hosts).payments_a_second for hosts in (1, 2, 4))
    lines = [
        f"One host makes {one:,.0f} payments a second, because nothing travels; of several, each further one adds about "
        f"{(four - two) / 2:,.0f}."
    ]
    lines += [f"At least 0.9 of linear up to {until} host{'s' if until > 1 else ''}."]
    if until < HOSTS[-1]:
        beyond = throughput(costs, machines, until + 1)
        lines.append(f"Not with {until + 1}: {_WHY[beyond.limit]}.")
    last = throughput(costs, machines, HOSTS[-1])
    if last.limit in ("database cores", "journal's disk"):
        first = next(hosts for hosts in range(1, HOSTS[-1] + 1) if throughput(costs, machines, hosts).limit == last.limit)
        lines.append(
            f"From {first} hosts on no host adds anything: {_WHY[last.limit]}. Another ledger, with a database of its own, does."
        )
    shown = ", ".join(f"{name} {value:,.3g}" for name, value in msgspec.structs.asdict(costs).items() if name != "requests")
    lines.append(f"costs: {shown}")
    if measured.predicted is not None:
        lines.append(
            f"check: two hosts on the cores of one machine made {measured.measured:.2f} of one host's batches; the costs of hosts in one "
            f"process, without HTTP and snapshots, would have said {measured.predicted:.2f}"
        )
    return lines


def _row(found: Throughput, one: float) -> list[str]:
    return [
        str(found.hosts),
        f"{found.travelling_share:.0%}",
        f"{found.payments_a_second:,.0f}",
        f"{found.payments_a_second / (found.hosts * one):.2f}",
        found.limit,
        f"{found.turn_seconds * 1000:,.0f}",
        f"{found.api_replicas_needed:,.1f}",
        f"{found.database_cores_used:,.2f}",
        f"{found.journal_megabytes_a_second:,.1f}",
    ]


def _with_replicas(costs: Costs, machines: Machines, hosts: int) -> list[str]:
    limited = (msgspec.structs.replace(machines, api_replicas=replicas) for replicas in REPLICAS)
    return [f"{throughput(costs, each, hosts).payments_a_second:,.0f}" for each in limited]
