"""`payments records`: the transaction records in S3, checked."""

from collections.abc import Awaitable, Callable

import click

from processor.bridges.sink import SinkUnavailable
from processor.cli.with_ledger import Told, run_with_ledger
from processor.journal.choice import connect_journal
from processor.journal.postgres.link import Link
from processor.settings import Settings

# What reads Parquet is imported where it is used: it takes a moment in every command.


@click.group()
def records() -> None:
    """The transaction records in S3 (`deploy/analytics/README.md`)."""


@records.command()
def verify() -> None:
    """Read all transaction records and check hashes, completeness and the lists for Athena and Redshift, against the journal's heads.

    Exit code 0: all agrees. 1: something differs, and what. 2: it could not be checked.
    """
    from processor.bridges.s3.bucket import Bucket
    from processor.bridges.s3.segments import Segments
    from processor.bridges.s3.sink import NAME
    from processor.bridges.s3.verify import Verification
    from processor.bridges.s3.verify import verify as verify_records

    async def check(link: Link, settings: Settings) -> tuple[Verification, dict[int, int]]:
        bucket, journal = Bucket(settings), await connect_journal(settings)
        try:
            await bucket.open()
            committed = await Segments(link, NAME).newest()
            heads = {shard: (await journal.head(shard)).sequence for shard in range(await journal.shard_count())}
            return await verify_records(bucket, committed, heads), heads
        finally:
            bucket.close()
            await journal.close()

    found, heads = _run(check)
    click.echo(
        f"{found.manifests} manifests name {found.files} files ({found.bytes / 1e6:.1f} MB) with {found.events} events and "
        f"{found.entries} lines."
    )
    behind = {shard: head - found.ends.get(shard, 0) for shard, head in heads.items()}
    click.echo(f"{sum(behind.values())} records of the journal are not there yet.")
    for problem in found.problems:
        click.echo(f"problem: {problem}")
    click.echo("All agrees." if found.holds else f"{len(found.problems)} problems.")
    raise SystemExit(0 if found.holds else 1)


@records.command()
def orphans() -> None:
    """Print the files that no manifest names, with their sizes in bytes: a flush that crashed, or one that is under way, left them.

    Nothing reads them. Those that are more than a day old may be removed, where no lock forbids it.
    """
    from processor.bridges.s3.bucket import Bucket
    from processor.bridges.s3.read import Damaged
    from processor.bridges.s3.verify import orphans as find

    async def search(_: Link, settings: Settings) -> list[tuple[str, int]]:
        bucket = Bucket(settings)
        try:
            await bucket.open()
            return await find(bucket)
        except Damaged as error:
            raise SinkUnavailable(f"{error}; `payments records verify` says more") from error
        finally:
            bucket.close()

    for key, size in _run(search):
        click.echo(f"{size}\t{key}")


def _run(action: Callable[[Link, Settings], Awaitable[Told]]) -> Told:
    return run_with_ledger(action, SinkUnavailable)
