"""The command line, `payments`."""

import sys

import click

from processor.cli.aws import aws
from processor.cli.bench import bench
from processor.cli.bridges import bridges
from processor.cli.capacity import capacity
from processor.cli.dead_letters import dead_letters
from processor.cli.demo import demo
from processor.cli.events import events
from processor.cli.journal import journal
from processor.cli.loadtest import loadtest
from processor.cli.prepare import prepare
from processor.cli.projections import projections
from processor.cli.records import records
from processor.cli.scale import scale
from processor.cli.send import send
from processor.cli.shards import shards
from processor.cli.up import up
from processor.cli.verify import verify
from processor.cli.webhooks import webhooks
from processor.settings import BadSettings, settings_table


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def payments() -> None:
    """A payment processor that keeps a double-entry ledger. Settings: payments.toml and PAYMENTS_* (`payments settings`)."""


@click.command()
def settings() -> None:
    """Print all settings with their defaults, as a Markdown table."""
    click.echo(settings_table())


for command in (
    up,
    bench,
    loadtest,
    capacity,
    demo,
    send,
    verify,
    shards,
    events,
    scale,
    prepare,
    projections,
    journal,
    bridges,
    dead_letters,
    records,
    webhooks,
    aws,
    settings,
):
    payments.add_command(command)


def main() -> None:
    """Run the command line. Bad settings end it with exit code 2 and one line."""
    try:
        payments()
    except BadSettings as error:
        click.echo(f"payments: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
