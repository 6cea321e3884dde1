"""`payments bench`: the benchmarks, side by side in one run, and the commands that belong to them."""

import sys
from importlib import import_module
from pathlib import Path

import click

from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable
from processor.demo.instance import NoInstance
from processor.journal.interface import JournalUnavailable
from processor.local.failure import CannotStart
from processor.local.serve_api import Unreachable

LAYERS = (
    "core", "codec", "replay", "memory", "journal", "host", "scale", "lists", "projector", "sinks", "sizes", "bridges", "http_layer",
    "http_single", "http_hot", "http_hold", "http_batch", "http_two_hosts", "latency", "host_kill", "serve_limit",
)  # fmt: skip
COMMANDS = {
    "model": ("loadtests.model.command", "Payments a second for 1 to 64 hosts, from measured costs."),
    "compare": ("loadtests.compare_command", "Two results side by side."),
    "peers": ("loadtests.peers.command", "Against other designs of a payment service."),
}
"""Name -> the module with the command of that name, imported only when it is called, and what it is for."""
COULD_NOT_RUN = 2
_CANNOT_RUN = (CannotStart, NoInstance, Unreachable, Unavailable, UnexpectedAnswer, JournalUnavailable)


@click.command()
@click.argument("layers", type=click.Choice(LAYERS), nargs=-1, metavar="[LAYERS]...")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="Compared sides alternate in rounds.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=3.0, show_default=True, help="Of each side in each round.")
@click.option("--connections", type=click.IntRange(1, 1_000), default=64, show_default=True, help="For single payments.")
@click.option("--accounts", type=click.IntRange(2, 10_000_000), default=10_000, show_default=True, help="Paid between.")
@click.option(
    "--accounts-large", type=click.IntRange(2, 20_000_000), default=1_000_000, show_default=True,
    help="Compared with --accounts by `scale` (goal: 10,000,000).",
)  # fmt: skip
@click.option(
    "--size", type=click.IntRange(1_000, 10_000_000), default=1_000_000, show_default=True,
    help="Payments that are replayed and listed (goal: 10,000,000), and accounts and keys that are remembered.",
)  # fmt: skip
@click.option(
    "--profile", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Leave flame graphs (py-spy) of the API replica and the shard hosts under each HTTP layer's load there.",
)  # fmt: skip
@click.option("--skip-serve-limit", is_flag=True, help="Do not start Serve's HAProxy, which opens ports on every interface.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write a file too.")
def measure_layers(
    layers: tuple[str, ...],
    rounds: int,
    seconds: float,
    connections: int,
    accounts: int,
    accounts_large: int,
    size: int,
    profile: Path | None,
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
        rounds=rounds, seconds=seconds, connections=connections, accounts=accounts, accounts_large=accounts_large, size=size,
        profile=str(profile) if profile else None, skip_serve_limit=skip_serve_limit,
    )  # fmt: skip
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


class LayersOrCommand(click.Group):
    """The layers, named right after `bench`, unless the first word is one of the other commands."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Put the layers' own command in front of what is not another command's name."""
        if not arguments or arguments[0] not in (*COMMANDS, *context.help_option_names):
            arguments = ["layers", *arguments]
        return super().parse_args(context, arguments)

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of the other commands."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import the command. Raises UsageError if it is not installed."""
        if name not in COMMANDS:
            return measure_layers if name == "layers" else None
        module, _ = COMMANDS[name]
        try:
            command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            raise click.UsageError(f"{name} needs the module {error.name}, which is not installed") from error
        assert isinstance(command, click.Command)
        return command

    def collect_usage_pieces(self, context: click.Context) -> list[str]:
        """Return what follows the name in the usage."""
        return ["[OPTIONS] [LAYERS]...", "| COMMAND ..."]

    def format_help_text(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the layers' command says of itself."""
        measure_layers.format_help_text(context, formatter)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the layers, their options, and the other commands, without importing these."""
        with formatter.section("Layers"):
            formatter.write_text(", ".join(LAYERS))
        measure_layers.format_options(context, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


bench = LayersOrCommand("bench", help=measure_layers.help)
