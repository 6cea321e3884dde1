"""`payments up`: a whole instance in the foreground."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click

from processor.cli.aws import aws_lines
from processor.cli.stages import show_stage
from processor.local.failure import CannotStart
from processor.local.local_aws import give_credentials
from processor.local.serve_api import Unreachable
from processor.local.system import System
from processor.settings import load_settings

_CHECK_SECONDS = 0.25
_FORCED_EXIT_CODE = 130


@click.command()
@click.option("--aws", type=click.Choice(["local"]), help="Start an emulator of AWS and Valkey too, and carry events there.")
def up(aws: str | None) -> None:
    """Start the database, Ray, the shard hosts and the API, and serve until Ctrl-C."""
    try:
        system = System(load_settings(os.environ, Path.cwd()), aws=aws == "local")
    except CannotStart as error:
        raise click.ClickException(str(error)) from error
    if aws:
        give_credentials(os.environ)
    raise SystemExit(serve_until_stopped(system))


def serve_until_stopped(system: System) -> int:
    """Run the instance until SIGINT, SIGTERM or a failure; return the exit code."""

    def force(number: int, frame: FrameType | None) -> None:
        system.kill()
        os._exit(_FORCED_EXIT_CODE)

    def interrupt(number: int, frame: FrameType | None) -> None:
        _on_signal(force)
        raise KeyboardInterrupt

    _on_signal(interrupt)
    exit_code = 0
    try:
        for stage in system.start_stages():
            show_stage(*stage)
        _print_addresses(system)
        _watch(system)
    except KeyboardInterrupt:
        click.echo("stopping; once more to stop at once")
    except (CannotStart, Unreachable) as error:
        click.echo(f"payments: {error}", err=True)
        exit_code = 1
    _on_signal(force)
    _stop(system)
    return exit_code


def _on_signal(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _watch(system: System) -> None:
    while True:
        failure = system.failure()
        if failure:
            raise CannotStart(failure)
        for line in system.revive():
            click.echo(f"payments: {line}", err=True)
        time.sleep(_CHECK_SECONDS)


def _stop(system: System) -> None:
    """Stop everything in order, whatever fails on the way."""
    for stage in system.stop_stages():
        try:
            show_stage(f"Stop: {stage.title}", stage.run)
        except (CannotStart, Unreachable) as error:
            click.echo(f"payments: {error}", err=True)


def _print_addresses(system: System) -> None:
    url = system.api_url
    account = '{"id": "world", "currency": "EUR", "min_balance": null}'
    click.echo(f"""
API        {url}
Docs       {url}/docs
Metrics    {url}/metrics
Dashboard  {system.dashboard_url}
{"".join(line + chr(10) for line in aws_lines(system.settings)) if system.settings.aws_endpoint_url else ""}
Try it:    curl {url}/v1/accounts -H 'Content-Type: application/json' -d '{account}'
Stop it:   Ctrl-C
""")
