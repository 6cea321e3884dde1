"""`payments events`: what has happened, and what happens."""

import sys

import click

from processor.cli.event_line import event_line
from processor.cli.url_option import url_option
from processor.client.address import Address
from processor.client.events import EventReader
from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable


@click.command()
@click.option(
    "--follow", "-f", is_flag=True, help="Go on with what happens, until Ctrl-C. A lost connection is made again by itself."
)
@click.option(
    "--after", metavar="PLACE", help="Begin behind this cursor or event id, or with `latest` at the end; else at the first."
)
@click.option("--account", metavar="ID", help="Only events that tell this account's balances or status.")
@click.option(
    "--type", "types", metavar="TYPES", help="Only these types, with commas between; `payment.*` means all that begin so."
)
@click.option("--json", "as_json", is_flag=True, help="Print each event as a CloudEvent in JSON, one a line.")
@url_option
def events(follow: bool, after: str | None, account: str | None, types: str | None, as_json: bool, address: Address) -> None:
    """Print the events of a running instance, oldest first, each once."""
    reader = EventReader(address, after, account, types)
    try:
        for body in reader.follow() if follow else reader.to_the_end():
            click.echo(body.decode() if as_json else event_line(body))
            if follow:
                sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    except Unavailable as error:
        raise click.ClickException(f"{error}: is `payments up` running?") from None
    except UnexpectedAnswer as error:
        raise click.ClickException(str(error)) from None
