"""The money audit after the loads: the ledger's own sums, the proof from the journal, and what the client was told."""

import msgspec
import uvloop

from loadtests.bench.failure import BenchFailed
from loadtests.bench.payments_instance import PaymentsInstance
from processor.audit.proof import LiveDigests, Proof, verify
from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.demo.checks import wrong_totals
from processor.demo.statement import read_totals
from processor.journal.choice import connect_journal
from processor.local.ledger_access import ledger_settings
from processor.settings import Settings, load_settings


class _Digest(msgspec.Struct):
    shard: int
    sequence: int
    digest: str


class _Digests(msgspec.Struct):
    data: list[_Digest]


def audit(payments: PaymentsInstance) -> str:
    """Return one line that says what holds. Raises BenchFailed with the first difference."""
    problems = wrong_totals(uvloop.run(read_totals(parse_address(payments.url))))
    with ledger_settings(load_settings(payments.environment)) as settings:
        proof = uvloop.run(_prove(settings, payments.url))
    problems += proof.problems
    recorded = sum(shard.payments for shard in proof.shards)
    if recorded != payments.accepted:
        problems.append(f"{payments.accepted:,} payments were acknowledged, the journal holds {recorded:,}")
    if problems:
        raise BenchFailed(f"the money audit found {len(problems)} differences, the first: {problems[0]}")
    return (
        f"money audit: {recorded:,} payments acknowledged and recorded once each, {payments.retries:,} requests sent again, "
        f"all sums zero, every record, snapshot and live state as replayed ({proof.seconds:.1f} s)"
    )


async def _prove(settings: Settings, url: str) -> Proof:
    live = await _live_digests(url)
    journal = await connect_journal(settings)
    try:
        return await verify(journal, live)
    finally:
        await journal.close()


async def _live_digests(url: str) -> LiveDigests:
    async with Connection(parse_address(url)) as connection:
        reply = await connection.get("/v1/shards/digests")
        reply.require_success()
        digests = msgspec.json.decode(reply.body, type=_Digests).data
    return {digest.shard: (digest.sequence, bytes.fromhex(digest.digest)) for digest in digests}
