"""The lines of a start and a stop: one per stage, with its seconds."""

import time
from collections.abc import Callable

import click
from rich.console import Console

_TITLE_WIDTH = 26


def show_stage(title: str, run: Callable[[], str]) -> None:
    """Run a stage and print its line; on a terminal a spinner turns meanwhile."""
    console = Console()
    begin = time.monotonic()
    if console.is_terminal:
        with console.status(title):
            detail = run()
    else:
        detail = run()
    click.echo(f"{title:<{_TITLE_WIDTH}} {time.monotonic() - begin:5.1f} s  {detail}")
