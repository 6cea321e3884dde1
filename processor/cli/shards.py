"""`payments shards`: who owns which shard, and how it does."""

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from processor.settings import load_settings

_COLUMNS = ("shard", "host", "pid", "epoch", "sequence", "queue_length", "commit_p50_ms", "commit_p99_ms")
_WIDTH_ELSEWHERE = 200


@click.command()
def shards() -> None:
    """Print every shard's host, epoch, sequence, queue and commit times."""
    settings = load_settings(os.environ, Path.cwd())
    url = f"http://{settings.host}:{settings.port}/v1/shards"
    rows = _fetch(url)
    table = Table(*(name for name in _COLUMNS), box=None)
    for row in rows:
        table.add_row(*(str(row[name]) or "nobody" for name in _COLUMNS))
    # A file or a pipe has no width: nothing may be folded there.
    Console(width=None if sys.stdout.isatty() else _WIDTH_ELSEWHERE).print(table)


def _fetch(url: str) -> list[dict[str, Any]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as answer:
            rows = msgspec.json.decode(answer.read(), type=dict[str, list[dict[str, Any]]])["data"]
    except urllib.error.HTTPError as error:
        raise click.ClickException(f"{url} answered {error.code}: {error.reason}") from error
    except OSError as error:
        raise click.ClickException(f"no answer from {url} ({error}): is `payments up` running?") from error
    except (msgspec.MsgspecError, KeyError) as error:
        raise click.ClickException(f"{url} is not answered by this program: {error}") from error
    if not all(row.keys() >= set(_COLUMNS) for row in rows):
        raise click.ClickException(f"{url} is answered by another version of this program")
    return rows
