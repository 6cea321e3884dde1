"""`payments scale`: other numbers of shard hosts and API replicas, while it runs."""

import os
from pathlib import Path

import click

from processor.local.data_folder import DataFolder
from processor.local.serve_api import ServeApi, Unreachable
from processor.local.serve_config import API, SHARD_HOSTS, scaled, write_config
from processor.settings import load_settings


@click.command()
@click.option("--shard-hosts", type=click.IntRange(1, 64), help="Number of shard hosts; the shards move by themselves.")
@click.option("--api-replicas", type=click.IntRange(1, 64), help="Number of processes that answer HTTP requests.")
def scale(shard_hosts: int | None, api_replicas: int | None) -> None:
    """Change the number of shard hosts or API replicas of the running instance, until its next start."""
    wanted = {name: number for name, number in ((SHARD_HOSTS, shard_hosts), (API, api_replicas)) if number is not None}
    if not wanted:
        raise click.UsageError("say --shard-hosts or --api-replicas, or both")
    folder = DataFolder(Path(load_settings(os.environ, Path.cwd()).data_folder))
    try:
        api = ServeApi(folder.dashboard_url.read_text())
        config = scaled(api.config(), wanted)
        api.put(config)
    except FileNotFoundError as error:
        raise click.ClickException(f"no instance runs in {folder.path}: start one with `payments up`") from error
    except Unreachable as error:
        raise click.ClickException(str(error)) from error
    write_config(folder.serve_config, config)
    click.echo(", ".join(f"{name}: {number}" for name, number in wanted.items()))
