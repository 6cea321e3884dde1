"""`payments shards`: who owns which shard, and how it does."""

import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from processor.settings import load_settings


@click.command()
def shards() -> None:
    """Print every shard's host, epoch, sequence, queue and commit times."""
    settings = load_settings(os.environ, Path.cwd())
    url = f"http://{settings.host}:{settings.port}/v1/shards"
    rows = _fetch(url)
    if not rows:
        raise click.ClickException(f"{url} names no shards")
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)


def _fetch(url: str) -> list[dict[str, Any]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as answer:
            return msgspec.json.decode(answer.read(), type=dict[str, list[dict[str, Any]]])["data"]
    except urllib.error.HTTPError as error:
        raise click.ClickException(f"{url} answered {error.code}: {error.reason}") from error
    except OSError as error:
        raise click.ClickException(f"no answer from {url} ({error}): is `payments up` running?") from error
    except (msgspec.MsgspecError, KeyError) as error:
        raise click.ClickException(f"{url} is not answered by this program: {error}") from error
