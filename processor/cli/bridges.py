"""`payments bridges`: how the bridges are doing, and what an operator can do to them."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from time import monotonic

import click
from rich.console import Console
from rich.table import Table

from processor.bridges.checking.check import CannotCheck, check_bridges
from processor.bridges.checking.verdict import Verdict
from processor.bridges.control import BadPosition, NoSuchBridge, restart, rewind
from processor.bridges.dead_letters import Redrives, count_redrives, list_dead_letters, redrive_dead_letters
from processor.bridges.status import BridgeStatus, enabled_bridges, read_statuses
from processor.cli.with_ledger import Told, run_with_ledger
from processor.journal.choice import connect_journal
from processor.journal.postgres.link import Link
from processor.settings import Settings

REDRIVE_SECONDS = 30.0
_POLL_SECONDS = 0.25
_WIDTH_ELSEWHERE = 300
_LETTERS_SHOWN = 100
_PLACE = re.compile(r"([0-9]{1,4}):([1-9][0-9]{0,17})")


@click.group(invoke_without_command=True)
@click.pass_context
def bridges(context: click.Context) -> None:
    """What carries events elsewhere (Kinesis, SNS, S3, webhooks ...). Without a command: how each is doing."""
    if context.invoked_subcommand is None:
        _print_statuses(_run(_statuses))


@bridges.command("dead-letters")
@click.argument("name")
def dead_letters(name: str) -> None:
    """Print the events that the bridge NAME has given up, and why."""

    async def read(link: Link, settings: Settings) -> None:
        table = Table("event", "type", "subject", "given up", "reason", box=None)
        letters = await list_dead_letters(link.fetch, _LETTERS_SHOWN, name)
        for letter in letters:
            at = datetime.fromtimestamp(letter.at / 1e6).isoformat(" ", "seconds")
            table.add_row(letter.name, letter.type, letter.subject, at, letter.reason)
        _console().print(table)
        in_all = (await count_redrives(link.fetch, name)).letters
        if in_all > len(letters):
            click.echo(f"... and {in_all - len(letters)} more")

    _run(read)


@bridges.command()
@click.argument("name")
def redrive(name: str) -> None:
    """Let the bridge NAME try its dead letters again, and wait up to half a minute for it."""
    asked, last = _run(lambda link, settings: _redrive(link, name))
    if not asked:
        click.echo(f"The bridge {name} has no dead letters.")
    elif last.to_redrive:
        click.echo(
            f"{last.to_redrive} of {asked} wait for the bridge {name}: it tries them as soon as it runs (`payments bridges`)."
        )
    else:
        click.echo(f"{asked - last.letters} of {asked} have been published.")
        if last.letters:
            click.echo(f"{last.letters} could not be: `payments bridges dead-letters {name}` says why.", err=True)
            raise SystemExit(1)


@bridges.command("rewind")
@click.argument("name")
@click.option(
    "--to",
    "places",
    metavar="start|SHARD:SEQUENCE",
    required=True,
    multiple=True,
    help="The record to go on with: the shard's SEQUENCE, or the first of every shard. May be given for several shards.",
)
def rewind_bridge(name: str, places: Sequence[str]) -> None:
    """Let the bridge NAME carry events again, from a record on. Its target gets them a second time."""
    next_sequences = None if list(places) == ["start"] else dict(map(_parse_place, places))
    _run(lambda link, settings: rewind(link, name, next_sequences))
    click.echo(f"The bridge {name} goes on from there.")


@bridges.command("restart")
@click.argument("name")
def restart_bridge(name: str) -> None:
    """Replace the process of the bridge NAME, also if it has stopped for good. It goes on where it was."""
    _run(lambda link, settings: restart(link, name))
    click.echo(f"The bridge {name} begins again.")


@bridges.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def check(names: Sequence[str]) -> None:
    """Compare what the bridges NAME (none: all that can be checked) have carried over with the journal.

    Exit code 0: all agrees. 1: something differs, and what. 2: it could not be checked.
    """

    async def compare(link: Link, settings: Settings) -> list[Verdict]:
        journal = await connect_journal(settings)
        try:
            return await check_bridges(names, settings, journal, link.fetch)
        finally:
            await journal.close()

    verdicts = _run(compare)
    for verdict in verdicts:
        click.echo(f"{verdict.bridge}: {verdict.compared} compared, {verdict.problem_count} differ")
        for text in (*verdict.problems, *verdict.notes):
            click.echo(f"  {text}")
    if not verdicts:
        click.echo("No bridge that can be checked has run: PAYMENTS_BRIDGES names those that should run.")
    raise SystemExit(0 if all(verdict.holds for verdict in verdicts) else 1)


def _parse_place(text: str) -> tuple[int, int]:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text} is neither `start`, alone, nor a record such as 3:120", param_hint="--to")
    return int(match[1]), int(match[2])


async def _redrive(link: Link, name: str) -> tuple[int, Redrives]:
    asked = await redrive_dead_letters(link.fetch, name)
    deadline = monotonic() + REDRIVE_SECONDS
    while (last := await count_redrives(link.fetch, name)).to_redrive and monotonic() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
    return asked, last


async def _statuses(link: Link, settings: Settings) -> list[BridgeStatus]:
    journal = await connect_journal(settings)
    try:
        return await read_statuses(link.fetch, journal, enabled_bridges(settings))
    finally:
        await journal.close()


def _print_statuses(statuses: Sequence[BridgeStatus]) -> None:
    if not statuses:
        click.echo("There are no bridges: PAYMENTS_BRIDGES names those that should run.")
        return
    table = Table(
        "bridge", "state", "records behind", "seconds behind", "published", "dead letters", "retries", "problem", box=None
    )
    for status in statuses:
        behind = ("-", "-") if status.lag_seconds is None else (str(status.lag_records), f"{status.lag_seconds:.1f}")
        counts = status.published, status.dead_letters, status.retries
        table.add_row(status.name, status.state, *behind, *map(str, counts), status.problem or "")
    _console().print(table)


def _console() -> Console:
    # A file or a pipe has no width: nothing may be folded there.
    return Console(width=None if sys.stdout.isatty() else _WIDTH_ELSEWHERE, markup=False)


def _run(action: Callable[[Link, Settings], Awaitable[Told]]) -> Told:
    return run_with_ledger(action, NoSuchBridge, BadPosition, CannotCheck)
