"""The ledger as a whole: its trial balance and its shards."""

from processor.core.messages import AnyMessage, DigestAnswer, ReadDigest, ReadTotals, TotalsAnswer
from processor.wire_values import money, rfc3339
from serve.bodies.operations import AuditBody, CurrencyTotals, DigestsBody, ShardAudit, ShardDigest, ShardsBody, TotalsBody
from serve.bodies.values import AsOf
from serve.consistency import read_visible, seen_by_client, token_header
from serve.ledger import expect
from serve.routes.route import CONSISTENCY_TOKEN, READ_PROBLEMS, Route
from serve.wire.answer import Answer, encode_json
from serve.wire.request import Request


async def read_totals(request: Request) -> Answer:
    """Read the trial balance over all shards."""
    seen = seen_by_client(request)
    messages: list[AnyMessage] = [ReadTotals(shard) for shard in range(request.ledger.shards)]

    async def read() -> list[TotalsAnswer]:
        return [expect(answer, TotalsAnswer) for answer in await request.ledger.ask_all(messages)]

    def is_visible(answers: list[TotalsAnswer]) -> bool:
        return all(answers[shard].sequence >= sequence for shard, sequence in seen.items())

    answers = await read_visible(request, read, is_visible)
    as_of = [AsOf(shard, answer.sequence) for shard, answer in enumerate(answers)]
    token = token_header((position.shard, position.sequence) for position in as_of)
    return Answer(200, encode_json(TotalsBody(_totals(answers), as_of)), (token,))


def _totals(answers: list[TotalsAnswer]) -> dict[str, CurrencyTotals]:
    sums: dict[str, list[int]] = {}
    for answer in answers:
        for currency, (posted, in_transit, accounts) in answer.currencies.items():
            total = sums.setdefault(currency, [0, 0, 0])
            for index, part in enumerate((int(posted), int(in_transit), accounts)):
                total[index] += part
    return {
        currency: CurrencyTotals(money(posted), money(in_transit), accounts)
        for currency, (posted, in_transit, accounts) in sorted(sums.items())
    }


async def read_shards(request: Request) -> Answer:
    """Read every shard's host and figures."""
    return Answer(200, encode_json(ShardsBody(await request.ledger.shard_status())))


async def read_digests(request: Request) -> Answer:
    """Read the digest of every shard's state."""
    answers = await request.ledger.ask_all([ReadDigest(shard) for shard in range(request.ledger.shards)])
    digests = [expect(answer, DigestAnswer) for answer in answers]
    rows = [ShardDigest(shard, digest.sequence, digest.digest.hex()) for shard, digest in enumerate(digests)]
    return Answer(200, encode_json(DigestsBody(rows)))


async def read_audit(request: Request) -> Answer:
    """Read how far the auditor is, and what it has found."""
    rows = [
        ShardAudit(
            status.row.shard, status.row.since, status.row.sequence,
            rfc3339(status.row.recorded_at) if status.row.sequence else None, status.lag_records, status.row.compared,
            status.row.divergence, status.row.divergence_sequence,
        )
        for status in await request.ledger.reads.audits()
    ]  # fmt: skip
    return Answer(200, encode_json(AuditBody(rows)))


ROUTES = (
    Route(
        "GET", "/v1/ledger/totals", read_totals, "Read the trial balance", "Ledger", {200: TotalsBody},
        "Per currency the sum of all balances and the money on its way between shards: together zero, at all times.",
        None, (CONSISTENCY_TOKEN,), READ_PROBLEMS,
    ),
    Route(
        "GET", "/v1/shards", read_shards, "List the shards", "Ledger", {200: ShardsBody},
        "Which host owns each shard, its epoch and sequence, its queue and its commit times.",
        None, (), ("invalid_parameter", "shard_unavailable"),
    ),
    Route(
        "GET", "/v1/shards/digests", read_digests, "Read the shards' digests", "Ledger", {200: DigestsBody},
        "The SHA-256 of each shard's state, to compare with a replay of the journal. Costly: each shard encodes all of its state.",
        None, (), ("invalid_parameter", "shard_unavailable"),
    ),
    Route(
        "GET", "/v1/audit", read_audit, "Read the audit", "Ledger", {200: AuditBody},
        "The auditor replays every shard's journal as it grows, and compares a few accounts at a time with the live shard hosts and "
        "with the lists' tables. This says how far it is, and the first thing that did not agree.",
        None, (), ("invalid_parameter", "reads_unavailable"),
    ),
)  # fmt: skip
