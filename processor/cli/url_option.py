"""The `--url` option of the commands that talk to a running instance."""

import os
from pathlib import Path

import click

from processor.client.address import Address, BadUrl, parse_address
from processor.settings import load_settings


def _address(context: click.Context, parameter: click.Parameter, url: str | None) -> Address:
    if url is None:
        settings = load_settings(os.environ, Path.cwd())
        return Address(settings.host, settings.port, "", False)
    try:
        return parse_address(url)
    except BadUrl as error:
        click.echo(f"payments: --url: {error}", err=True)
        context.exit(2)


url_option = click.option(
    "--url",
    "address",
    metavar="URL",
    callback=_address,
    help="Where the API is. [default: what the settings say, http://127.0.0.1:8000 without any]",
)
