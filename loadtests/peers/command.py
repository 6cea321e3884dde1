"""`payments bench peers`: ours and other designs in turns, and the ratios."""

import sys
import time
from pathlib import Path

import click

from loadtests.bench.failure import BenchFailed
from loadtests.bench.machine import this_machine
from loadtests.bench.report import Report
from loadtests.peers.options import PEERS, PeerName, PeerOptions
from loadtests.peers.run import measure
from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable
from processor.demo.instance import NoInstance
from processor.local.failure import CannotStart
from processor.local.serve_api import Unreachable

COULD_NOT_RUN = 2
_CANNOT_RUN = (CannotStart, NoInstance, Unreachable, Unavailable, UnexpectedAnswer, OSError)


class PeerNames(click.ParamType[tuple[PeerName, ...]]):
    """Names of peers with commas between them."""

    name = "names"

    def convert(
        self, value: str | tuple[PeerName, ...], param: click.Parameter | None, context: click.Context | None
    ) -> tuple[PeerName, ...]:
        """Return the names. Raises BadParameter."""
        if not isinstance(value, str):
            return value
        asked = [name.strip() for name in value.split(",")]
        unknown = [name for name in asked if name not in PEERS]
        if unknown:
            self.fail(f"{', '.join(map(repr, unknown))}: the peers are {', '.join(PEERS)}", param, context)
        return tuple(name for name in PEERS if name in asked)


@click.command()
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="The sides take turns in each.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=4.0, show_default=True, help="Of each load in each round.")
@click.option("--connections", type=click.IntRange(1, 1_000), default=64, show_default=True, help="For single payments.")
@click.option("--accounts", type=click.IntRange(2, 1_000_000), default=10_000, show_default=True, help="Paid between.")
@click.option("--only", type=PeerNames(), default=(), metavar="A,B", help=f"Compare with these alone: {', '.join(PEERS)}.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write a file too.")
def peers(
    rounds: int, seconds: float, connections: int, accounts: int, only: tuple[PeerName, ...], json_path: Path | None
) -> None:
    """Measure this program and other designs of it in turns, each alone on the machine, and print the ratios.

    Exit code: 0 if everything was measured and all books are right, whether goals were met or not; 1 if a figure cannot be trusted,
    2 if it could not run.
    """
    if json_path is not None and not json_path.parent.is_dir():
        raise click.UsageError(f"--json: there is no folder {json_path.parent}")
    options = PeerOptions(rounds=rounds, seconds=seconds, connections=connections, accounts=accounts, only=only)
    try:
        report = _report(options)
        report.print()
        if json_path is not None:
            report.write_json(json_path)
    except BenchFailed as error:
        click.echo(f"payments bench peers: {error}", err=True)
        sys.exit(1)
    except _CANNOT_RUN as error:
        click.echo(f"payments bench peers: {error}", err=True)
        sys.exit(COULD_NOT_RUN)


def _report(options: PeerOptions) -> Report:
    machine, started = this_machine(), time.monotonic()
    figures, notes = measure(options, lambda line: click.echo(line, err=True))
    return Report(figures, notes, machine, options, {}, time.monotonic() - started)
