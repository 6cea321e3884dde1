"""`payments bench`: the benchmarks, side by side in one run."""

import sys
from pathlib import Path

import click

from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable
from processor.demo.instance import NoInstance
from processor.journal.interface import JournalUnavailable
from processor.local.failure import CannotStart
from processor.local.serve_api import Unreachable

LAYERS = (
    "core", "replay", "memory", "journal", "lists", "http_layer",
    "http_single", "http_hot", "http_hold", "http_batch", "http_two_hosts", "serve_limit",
)  # fmt: skip
COULD_NOT_RUN = 2
_CANNOT_RUN = (CannotStart, NoInstance, Unreachable, Unavailable, UnexpectedAnswer, JournalUnavailable)


@click.command()
@click.argument("layers", type=click.Choice(LAYERS), nargs=-1)
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="Compared sides alternate in rounds.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=3.0, show_default=True, help="Of each side in each round.")
@click.option("--connections", type=click.IntRange(1, 1_000), default=64, show_default=True, help="For single payments.")
@click.option("--accounts", type=click.IntRange(2, 10_000_000), default=10_000, show_default=True, help="Paid between.")
@click.option(
    "--size", type=click.IntRange(1_000, 10_000_000), default=1_000_000, show_default=True,
    help="Payments that are replayed and listed (goal: 10,000,000), and accounts and keys that are remembered.",
)  # fmt: skip
@click.option("--skip-serve-limit", is_flag=True, help="Do not start Serve's HAProxy, which opens ports on every interface.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write a file too.")
def bench(
    layers: tuple[str, ...],
    rounds: int,
    seconds: float,
    connections: int,
    accounts: int,
    size: int,
    skip_serve_limit: bool,
    json_path: Path | None,
) -> None:
    """Measure the LAYERS (none named: all) on this machine, on databases and an instance of its own in temporary folders.

    Exit code: 0 if everything was measured and no money was made or lost, whether goals were met or not; 1 if a figure cannot be
    trusted, 2 if it could not run.
    """
    # Only here, because no other command needs the load tests.
    from loadtests.bench.failure import BenchFailed
    from loadtests.bench.options import Options
    from loadtests.bench.run import run

    if json_path is not None and not json_path.parent.is_dir():
        raise click.UsageError(f"--json: there is no folder {json_path.parent}")
    options = Options(
        rounds=rounds, seconds=seconds, connections=connections, accounts=accounts, size=size, skip_serve_limit=skip_serve_limit
    )
    try:
        report = run(layers, options, lambda line: click.echo(line, err=True))
        report.print()
        if json_path is not None:
            report.write_json(json_path)
    except BenchFailed as error:
        click.echo(f"payments bench: {error}", err=True)
        sys.exit(1)
    except (*_CANNOT_RUN, OSError) as error:
        click.echo(f"payments bench: {error}", err=True)
        sys.exit(COULD_NOT_RUN)
