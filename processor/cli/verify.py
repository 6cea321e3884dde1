"""`payments verify`: the proof that the ledger is what its journal says."""

import asyncio
import os
import urllib.error
import urllib.request
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from processor.audit.proof import LiveDigests, Proof
from processor.audit.proof import verify as verify_journal
from processor.audit.tables import read_tables
from processor.journal.choice import connect_journal
from processor.journal.interface import Journal, JournalUnavailable
from processor.local.failure import CannotStart
from processor.local.ledger_access import ledger_settings
from processor.settings import Settings, load_settings

COULD_NOT_RUN = 2
_LIVE_TIMEOUT_SECONDS = 30


class _Digest(msgspec.Struct):
    shard: int
    sequence: int
    digest: str


class _Digests(msgspec.Struct):
    data: list[_Digest]


@click.command()
@click.option("--offline", is_flag=True, help="Do not ask a running instance for its state; check the journal alone.")
def verify(offline: bool) -> None:
    """Recompute everything from the journal and compare it with snapshots, the live state and the read model.

    With a mirrored journal both stores are compared, record by record.

    Exit code 0: all agrees. 1: something differs, and what. 2: it could not be checked.
    """
    settings = load_settings(os.environ, Path.cwd())
    console = Console()
    try:
        live = None if offline else _live_digests(settings)
        with ledger_settings(settings) as complete:
            proof = asyncio.run(_verify(complete, live))
    except (CannotStart, JournalUnavailable) as error:
        click.echo(f"payments: the ledger could not be checked: {error}", err=True)
        raise SystemExit(COULD_NOT_RUN) from error
    _show(console, proof, live)
    raise SystemExit(0 if proof.holds else 1)


async def _verify(settings: Settings, live: LiveDigests | None) -> Proof:
    journal = await connect_journal(settings)
    try:
        proof = await verify_journal(journal, live, await read_tables(settings.database_url, await journal.shard_count()))
        if settings.journal == "mirrored":
            proof.problems += await _compare_stores(journal)
        return proof
    finally:
        await journal.close()


async def _compare_stores(journal: Journal) -> list[str]:
    # Imported only here: boto3 takes a moment.
    from processor.audit.stores import compare_stores
    from processor.journal.mirrored import MirroredJournal

    return await compare_stores(journal) if isinstance(journal, MirroredJournal) else []


def _live_digests(settings: Settings) -> LiveDigests | None:
    """Return what the running shard hosts say of their states, or None if no instance answers."""
    url = f"http://{settings.host}:{settings.port}/v1/shards/digests"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_LIVE_TIMEOUT_SECONDS) as answer:
            digests = msgspec.json.decode(answer.read(), type=_Digests).data
    except urllib.error.HTTPError as error:
        raise CannotStart(f"{url} answered {error.code}; --offline checks the journal alone") from error
    except (OSError, msgspec.MsgspecError):
        return None
    return {digest.shard: (digest.sequence, bytes.fromhex(digest.digest)) for digest in digests}


def _show(console: Console, proof: Proof, live: LiveDigests | None) -> None:
    shards = Table(
        "shard", "records", "epoch", "events", "payments", "later", "refusals", "accounts", "snapshot", "live", "tables"
    )
    for shard in proof.shards:
        shards.add_row(
            str(shard.shard), str(shard.sequence), str(shard.epoch), str(shard.events), str(shard.payments), str(shard.operations),
            str(shard.refusals), str(shard.accounts), _equal_at(shard.snapshot), _equal_at(shard.live), _equal_at(shard.tables),
        )  # fmt: skip
    console.print(shards)
    balance = Table("currency", "accounts", "posted", "in transit", "sum")
    for currency, (posted, in_transit, accounts) in proof.currencies.items():
        balance.add_row(currency, str(accounts), str(posted), str(in_transit), str(posted + in_transit))
    console.print(balance)
    records, events = (sum(getattr(shard, name) for shard in proof.shards) for name in ("sequence", "events"))
    payments = sum(shard.payments for shard in proof.shards)
    console.print(
        f"{records} records, {events} events and {payments} payments replayed in {proof.seconds:.1f} s; "
        f"{proof.open_transfers} payments are travelling between hosts."
    )
    if live is None:
        console.print("No instance answered, so there was no live state to compare.")
    for problem in proof.problems:
        console.print(f"[red]problem:[/red] {problem}", highlight=False, soft_wrap=True)
    console.print(
        "[green]The proof holds: no money was made or lost, no key took effect twice, every record follows from the one before.[/green]"
        if proof.holds
        else f"[red]The proof does not hold: {len(proof.problems)} problems.[/red]",
        highlight=False,
    )


def _equal_at(sequence: int | None) -> str:
    return f"equal at {sequence}" if sequence is not None else "-"
