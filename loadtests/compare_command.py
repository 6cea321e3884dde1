"""`payments bench compare`: two results side by side."""

import sys
from pathlib import Path

import click

from loadtests.comparable import NotAResult
from loadtests.compare import compare as compare_results

_PATH = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("first", type=_PATH)
@click.argument("second", type=_PATH)
def compare(first: Path, second: Path) -> None:
    """Compare the results in two files: result.json of load tests, or what `payments bench --json` wrote.

    Says where machine, options or settings differ, so that the comparison is not fair. Exit code: 0, or 2 if there is nothing to compare.
    """
    try:
        click.echo(compare_results(first, second), nl=False)
    except NotAResult as error:
        click.echo(f"payments bench compare: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    compare()
