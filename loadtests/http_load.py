"""A closed-loop load on a running instance: `python -m loadtests.http_load --help`."""

import secrets

import click
import uvloop

from loadtests.workload import SHAPES, Shape, Workload
from processor.cli.url_option import url_option
from processor.client.accounts import open_accounts
from processor.client.address import Address
from processor.client.load import LoadResult, run_batches, run_single
from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable


@click.command()
@url_option
@click.option("--shape", type=click.Choice(SHAPES), default=SHAPES[0], show_default=True)
@click.option("--accounts", type=click.IntRange(2, 10_000_000), default=1_000, show_default=True)
@click.option("--payments", type=click.IntRange(1, 10_000_000), default=100_000, show_default=True, help="Sent at most.")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), help="Stop after this long.")
@click.option("--batch", type=click.IntRange(0, 10_000), default=0, show_default=True, help="Payments in a batch; 0: singles.")
@click.option("--connections", type=click.IntRange(1, 1_000), default=64, show_default=True)
@click.option("--seed", type=int, help="The same seed sends the same keys. [default: a new one]")
def http_load(
    address: Address,
    shape: Shape,
    accounts: int,
    payments: int,
    seconds: float | None,
    batch: int,
    connections: int,
    seed: int | None,
) -> None:
    """Send payments between accounts without a lower bound, and print rate and latencies."""
    workload = Workload(shape, accounts, secrets.randbits(32) if seed is None else seed)
    click.echo(f"{shape}, {accounts:,} accounts, seed {workload.seed}, {connections} connections, batches of {batch or 1:,}")
    try:
        result = uvloop.run(run(address.url, workload, payments, batch, connections, seconds))
    except (Unavailable, UnexpectedAnswer) as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"{result.count:,} payments in {result.seconds:.2f} s: {result.rate:,.0f}/s; p50 {result.p50_ms:.2f} ms, "
        f"p99 {result.p99_ms:.2f} ms, p99.9 {result.p999_ms:.2f} ms; errors {result.errors or 'none'}, {result.retries:,} retries"
    )


async def run(
    url: str, workload: Workload, payments: int, batch_payments: int, connections: int, seconds: float | None
) -> LoadResult:
    """Open the workload's accounts and send up to `payments` payments, alone (`batch_payments` 0) or in batches.

    Everything is made before the clock starts. Raises Unavailable, UnexpectedAnswer.
    """
    await open_accounts(url, workload.account_ids, workload.currency, None)
    if batch_payments:
        batches = workload.batches(max(payments // batch_payments, 1), batch_payments)
        return await run_batches(url, batches, connections, seconds=seconds)
    return await run_single(url, workload.singles(payments), connections, seconds=seconds)


if __name__ == "__main__":
    http_load()
