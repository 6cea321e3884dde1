"""`payments webhooks`: what is sent to whom, what became of it, and sending again, through the API of a running instance."""

import asyncio
import sys
from typing import Any
from urllib.parse import quote, urlencode

import click
import msgspec
from rich.console import Console
from rich.table import Table

from processor.cli.url_option import url_option
from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.reply import Reply
from processor.client.retry import Unavailable

PATH = "/v1/webhooks"
PAGE_MAX = 100
_ANSWER_SECONDS = 30.0
_WIDTH_ELSEWHERE = 250


@click.group()
def webhooks() -> None:
    """Endpoints that are sent events: list them, look at their logs, and have events sent again."""


@webhooks.command("list")
@url_option
def list_webhooks(address: Address) -> None:
    """Print all endpoints."""
    table = Table("id", "url", "types", "accounts", "status", "waiting", "reason", box=None)
    for row in _read(address, f"{PATH}?limit={PAGE_MAX}")["data"]:
        accounts = "all" if row["accounts"] is None else str(len(row["accounts"]))
        shown = (row["id"], row["url"], " ".join(row["types"]) or "all", accounts, row["status"], f"{row['waiting']:,}")
        table.add_row(*shown, row["disabled_reason"] or "")
    _print(table)


@webhooks.command()
@click.argument("webhook")
@click.option("--status", type=click.Choice(("pending", "delivered", "failed")), help="Only these.")
@click.option("--limit", type=click.IntRange(1, PAGE_MAX), default=25, show_default=True)
@url_option
def deliveries(webhook: str, status: str | None, limit: int, address: Address) -> None:
    """Print the newest events that the endpoint WEBHOOK was to be sent, and what became of them."""
    query = urlencode({"limit": limit} | ({"status": status} if status else {}))
    table = Table("id", "event", "type", "status", "attempts", "last attempt", "next attempt", "why not", box=None)
    answer = _read(address, f"{PATH}/{quote(webhook, safe='')}/deliveries?{query}")
    for row in answer["data"]:
        last = row["log"][-1] if row["log"] else {"at": "", "error": None}
        shown = (row["id"], row["event"] or "", row["type"], row["status"], str(row["attempts"]))
        table.add_row(*shown, last["at"], row["next_attempt_at"] or "", last["error"] or "")
    _print(table)
    if answer["has_more"]:
        click.echo(f"There are more; --limit shows up to {PAGE_MAX}.")


@webhooks.command()
@click.argument("webhook")
@click.argument("ids", nargs=-1)
@click.option("--since", metavar="TIME", help="All events that it wants from this time on, such as 2026-01-31T12:00:00Z.")
@click.option("--only-failed", is_flag=True, help="With --since: leave out what was delivered.")
@url_option
def redeliver(webhook: str, ids: tuple[str, ...], since: str | None, only_failed: bool, address: Address) -> None:
    """Have events sent again to the endpoint WEBHOOK: those of the log with these IDS, or all since a time.

    Each keeps its webhook-id, so that receivers drop what they have.
    """
    if bool(ids) is bool(since):
        raise click.UsageError("name either some ids or a time with --since")
    if only_failed and not since:
        raise click.UsageError("--only-failed goes with --since")
    body: dict[str, object] = {"since": since, "only_failed": only_failed} if since else {"deliveries": ids}
    reply = _ask(address, f"{PATH}/{quote(webhook, safe='')}/deliveries/redeliver", msgspec.json.encode(body))
    if since:
        click.echo("The events are being read from the journal and sent.")
    else:
        click.echo(f"{msgspec.json.decode(reply.body)['queued']:,} of {len(set(ids)):,} are being sent again.")


def _print(table: Table) -> None:
    # A file or a pipe has no width: nothing may be folded there.
    Console(width=None if sys.stdout.isatty() else _WIDTH_ELSEWHERE, markup=False).print(table)


def _read(address: Address, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(_ask(address, path).body)
    return answer


def _ask(address: Address, path: str, body: bytes | None = None) -> Reply:
    try:
        reply = asyncio.run(_exchange(address, path, body))
    except Unavailable as error:
        hint = "" if error.status else ": is `payments up` running?"
        raise click.ClickException(f"{error}{hint}") from error
    if not 200 <= reply.status < 300:
        raise click.ClickException(f"{address.url} answered {reply.status}: {reply.problem()}")
    return reply


async def _exchange(address: Address, path: str, body: bytes | None) -> Reply:
    async with Connection(address, timeout_seconds=_ANSWER_SECONDS, retry_seconds=0.0) as connection:
        return await (connection.get(path) if body is None else connection.post(path, body))
