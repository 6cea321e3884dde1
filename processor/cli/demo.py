"""`payments demo`: a real load, a killed shard host, and proof that no money was made or lost."""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random

import click
import uvloop
from rich.console import Console

from processor.cli.progress_bar import ProgressBar
from processor.cli.url_option import url_option
from processor.client.address import Address
from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable
from processor.demo.checks import missing_answers, settled_accounts, wrong_balances, wrong_entries, wrong_totals
from processor.demo.instance import NoInstance, OwnInstance, is_running
from processor.demo.plan import Plan, make_plan
from processor.demo.report import difference_lines, loads_table, make_console, outage_lines, say, statement_table, totals_table
from processor.demo.run import Load, Run
from processor.demo.statement import read_statement, read_totals
from processor.local.failure import CannotStart
from processor.settings import load_settings

BOOKS_RIGHT, BOOKS_WRONG, COULD_NOT_RUN = 0, 1, 2


@click.command()
@url_option
@click.option("--kill/--no-kill", default=True, help="Kill a shard host in the middle of each load.  [default: kill]")
@click.option("--accounts", type=click.IntRange(6, 1_000_000), default=1_000, show_default=True)
@click.option(
    "--payments", type=click.IntRange(1, 10_000_000), default=100_000, show_default=True, help="Sent in batches of 1,000."
)
@click.option("--single", type=click.IntRange(1, 1_000_000), default=5_000, show_default=True, help="Sent one by one.")
@click.option("--holds", type=click.IntRange(0, 1_000_000), default=400, show_default=True, help="Captured, voided, refunded.")
def demo(address: Address, kill: bool, accounts: int, payments: int, single: int, holds: int) -> None:
    """Send a real load, kill a shard host on the way, and prove that no money was made or lost.

    Uses the instance that is running, or else starts one of its own in a temporary folder. Opens new accounts in every run.

    Exit code: 0 if everything adds up, 1 if anything differs, 2 if it could not run.
    """
    run = secrets.token_hex(4)
    plan = make_plan(run, accounts, payments, single, holds, Random(run))
    console = make_console()
    try:
        sys.exit(uvloop.run(_demonstrate(console, address, plan, kill)))
    except (NoInstance, CannotStart, Unavailable, UnexpectedAnswer) as error:
        click.echo(f"payments demo: {error}", err=True)
    except KeyboardInterrupt:
        click.echo("payments demo: interrupted", err=True)
    sys.exit(COULD_NOT_RUN)


async def _demonstrate(console: Console, address: Address, plan: Plan, kill: bool) -> int:
    if await is_running(address):
        say(console, f"Using the instance at {address.url}")
        return await _run(console, address, plan, kill, _environment_of(address))
    say(console, f"Nobody listens at {address.url}: starting an instance in a temporary folder, to be stopped in the end")
    own = OwnInstance(lambda line: say(console, f"  {line}"))
    try:
        await own.wait_until_ready()
        say(console, f"It is ready: {own.address.url}, pages about the API at {own.address.url}/docs")
        return await _run(console, own.address, plan, kill, own.environment)
    finally:
        say(console, "Stopping the instance")
        own.stop()


async def _run(console: Console, address: Address, plan: Plan, kill: bool, environment: Mapping[str, str] | None) -> int:
    run = Run(address, plan, kill)
    say(console, f"Opening {len(plan.account_ids):,} accounts in {', '.join(plan.accounts)} and funding them")
    await run.open_accounts()
    await run.fund()
    loads = await _send(run, plan)
    console.print(loads_table(loads))
    for load in loads.values():
        for line in outage_lines(load):
            say(console, line)
    differences = await _check(console, run, address, plan)
    is_proven = _verify(console, environment)
    for line in difference_lines(differences):
        say(console, f"DIFFERENCE: {line}")
    if any(load.was_spared for load in loads.values()):
        say(console, "No shard host could be killed, so this run does not show a recovery (--no-kill if that is meant)")
    return BOOKS_RIGHT if is_proven and not differences else BOOKS_WRONG


async def _send(run: Run, plan: Plan) -> dict[str, Load]:
    with ProgressBar("payments in batches", len(plan.in_batches)) as bar:
        in_batches = await run.send_batches(bar.show)
    with ProgressBar("single payments", len(plan.single)) as bar:
        single = await run.send_single(bar.show)
    with ProgressBar("holds", len(plan.holds)) as bar:
        holds = Load(await run.send_holds(bar.show), None, "")
    with ProgressBar("every key once more", len(plan.payments)) as bar:
        await run.send_again(bar.show)
    return {"batches of 1,000, 4 connections": in_batches, "single, 64 connections": single, "holds, 64 connections": holds}


async def _check(console: Console, run: Run, address: Address, plan: Plan) -> list[str]:
    """Print the statement, the trial balance and what our own books say; return everything that differs."""
    books = run.books
    accounts = await settled_accounts(address, plan.account_ids)
    holders = {hold.payment.to for hold in plan.holds}
    shown = max(accounts[len(plan.worlds) :], key=lambda account: (account.id in holders, books.entries[account.id]))
    entries = await read_statement(address, shown.id)
    console.print(statement_table(shown.id, entries))
    totals = await read_totals(address)
    console.print(totals_table(totals))
    differences = [
        *books.differences,
        *missing_answers(books, plan.payments),
        *wrong_balances(books, accounts),
        *wrong_entries(books, shown, entries),
        *wrong_totals(totals),
    ]
    refused = ", ".join(f"{count:,} {code}" for code, count in books.refusals.items()) or "none"
    say(console, f"{len(plan.payments):,} payments sent: {books.accepted:,} accepted, refused: {refused}")
    steps = ", ".join(f"{count:,} {verb}" for verb, count in books.steps.items()) or "nothing"
    say(console, f"{len(plan.holds):,} holds sent: {books.holds:,} accepted; done to them: {steps}")
    if not differences:
        say(
            console,
            "Sent a second time, every key got the answer it had before. "
            f"All {len(accounts):,} balances are what the accepted payments add up to.",
        )
    return differences


def _environment_of(address: Address) -> Mapping[str, str] | None:
    """Return the environment in which `payments verify` looks at the instance, or None if the settings are not its own."""
    settings = load_settings(os.environ, Path.cwd())
    return os.environ if (address.host, address.port) == (settings.host, settings.port) else None


def _verify(console: Console, environment: Mapping[str, str] | None) -> bool:
    if environment is None:
        say(console, "`payments verify` was not run: the settings here are another instance's. Run it with the instance's own.")
        return True
    say(console, "payments verify:")
    command = [sys.executable, "-m", "processor.cli.main", "verify"]
    # Where there is no terminal its tables would be squeezed into 80 columns.
    return subprocess.run(command, env={**environment, "COLUMNS": str(console.width)}, check=False).returncode == 0
