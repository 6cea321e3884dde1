"""`payments dead-letters`: what was given up on, looked at and sent back, through the API of a running instance."""

import asyncio
import sys
from typing import Any
from urllib.parse import urlencode

import click
import msgspec
from rich.console import Console
from rich.table import Table

from processor.cli.url_option import url_option
from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.reply import Reply
from processor.client.retry import Unavailable

PATH = "/v1/dead-letters"
QUEUES = ("events", "instructions", "bridges")
LIMIT_MAX, REDRIVE_MAX = 100, 1_000
ALL_MOVED, SOME_NOT_MOVED = 0, 1

_ANSWER_SECONDS = 60.0
# As long as a reason can be, with what stands beside it.
_WIDTH_ELSEWHERE = 1_500
_BODY_CHARACTERS = 60

queue_option = click.option(
    "--queue",
    type=click.Choice(QUEUES),
    default="events",
    show_default=True,
    help="Whose dead letters: see `dead-letters --help`.",
)


@click.group("dead-letters")
def dead_letters() -> None:
    """What was given up on, with the reason: look at it, and send it back when the reason is gone.

    \b
    events        events that a consumer behind SNS or Kinesis gave up on
    instructions  payment instructions from SQS that cannot be carried out
    bridges       events that a bridge could not carry over to its target
    """


@dead_letters.command("list")
@queue_option
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=25, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the API, with whole bodies.")
@url_option
def list_letters(queue: str, limit: int, as_json: bool, address: Address) -> None:
    """Print dead letters. Of SQS queues it is a sample, and looking counts as receiving."""
    reply = _ask(address, f"{PATH}?{urlencode({'queue': queue, 'limit': limit})}")
    if as_json:
        click.echo(reply.body)
        return
    answer = msgspec.json.decode(reply.body)
    letters: list[dict[str, Any]] = answer["data"]
    table = Table("id", "sent at", "received", "event" if queue != "instructions" else "body", "reason", box=None)
    for letter in letters:
        what = letter["event"] or (letter["body"] or "")[:_BODY_CHARACTERS]
        received = "" if letter["received_count"] is None else str(letter["received_count"])
        code = f"{letter['code']}: " if letter["code"] else ""
        table.add_row(letter["id"], letter["sent_at"], received, what, code + letter["reason"])
    # A file or a pipe has no width: nothing may be folded there.
    Console(width=None if sys.stdout.isatty() else _WIDTH_ELSEWHERE, markup=False).print(table)
    if answer["has_more"] or (answer["approximate_count"] or 0) > len(letters):
        click.echo(f"There are more{_about(answer)}; --limit shows up to {LIMIT_MAX}.")


@dead_letters.command()
@queue_option
@click.option("--id", "ids", multiple=True, help="Only the letter with this id; may be given several times.")
@click.option("--limit", type=click.IntRange(1, REDRIVE_MAX), help="At most so many. [default: 100]")
@url_option
def redrive(queue: str, ids: tuple[str, ...], limit: int | None, address: Address) -> None:
    """Send dead letters back to where they came from. Safe to repeat: what arrives twice has its effect once.

    Exit code: 0 if all went back, 1 if some are where they were.
    """
    if ids and limit:
        raise click.UsageError("--id and --limit do not go together")
    body: dict[str, object] = {"queue": queue} | ({"ids": ids} if ids else {}) | ({"limit": limit} if limit else {})
    answer = msgspec.json.decode(_ask(address, f"{PATH}/redrive", msgspec.json.encode(body)).body)
    for letter in answer["moved"]:
        click.echo(f"{letter['id']} went to {letter['to']}" + (f"; {letter['note']}" if letter["note"] else ""))
    for letter in answer["not_moved"]:
        click.echo(f"{letter['id']} stays: {letter['reason']}")
    click.echo(f"{len(answer['moved']):,} went back, {len(answer['not_moved']):,} stay")
    if answer["stopped"]:
        click.echo(f"stopped early: {answer['stopped']}", err=True)
    sys.exit(SOME_NOT_MOVED if answer["not_moved"] or answer["stopped"] else ALL_MOVED)


def _about(answer: dict[str, Any]) -> str:
    return f", about {answer['approximate_count']:,}" if answer["approximate_count"] else ""


def _ask(address: Address, path: str, body: bytes | None = None) -> Reply:
    try:
        reply = asyncio.run(_exchange(address, path, body))
    except Unavailable as error:
        hint = "" if error.status else ": is `payments up` running?"
        raise click.ClickException(f"{error}{hint}") from error
    if reply.status != 200:
        raise click.ClickException(f"{address.url} answered {reply.status}: {reply.problem()}")
    return reply


async def _exchange(address: Address, path: str, body: bytes | None) -> Reply:
    async with Connection(address, timeout_seconds=_ANSWER_SECONDS, retry_seconds=0.0) as connection:
        return await (connection.get(path) if body is None else connection.post(path, body))
