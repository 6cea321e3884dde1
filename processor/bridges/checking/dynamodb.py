"""Whether the DynamoDB table holds each payment as the journal's events leave it."""

import asyncio
from collections.abc import Mapping

import msgspec

from processor.bridges.checking.expected import expected_events
from processor.bridges.checking.verdict import Verdict
from processor.bridges.dynamodb.items import DAY_SECONDS, StoredPayment, version_of
from processor.bridges.dynamodb.table import TransactionsTable
from processor.clock import now_microseconds
from processor.eventlog.event import AboutPayment, PaymentData, PublishedEvent
from processor.journal.interface import Journal
from processor.settings import Settings


async def check_dynamodb(settings: Settings, journal: Journal, positions: Mapping[int, int]) -> Verdict:
    """Compare the table with the journal up to these positions; payments that have changed later are passed over.

    Raises what boto3 raises.
    """
    verdict, days = Verdict("dynamodb"), settings.dynamodb_transactions_days
    kept_from = now_microseconds() - days * DAY_SECONDS * 1_000_000 if days else 0
    stored = await asyncio.to_thread(_read_table, settings)
    for shard, until in positions.items():
        newest: dict[str, PublishedEvent] = {}
        async for event in expected_events(journal, shard, until):
            if isinstance(event.data, AboutPayment):
                newest[event.data.payment.id] = event
        for payment_id, event in newest.items():
            found = stored.pop(payment_id, None)
            if found is not None or not kept_from or event.at >= kept_from:
                _compare(found, event, verdict)
    for item in stored.values():
        shard, sequence, _ = (int(part) for part in item.version.split("-"))
        if sequence <= positions.get(shard, 0):
            verdict.report(f"{item.payment.id} is in the table and not in the journal")
    return verdict


def _compare(found: StoredPayment | None, event: PublishedEvent, verdict: Verdict) -> None:
    assert isinstance(event.data, AboutPayment)
    payment, version = event.data.payment, version_of(event)
    payment_id = payment.id
    if found is None:
        verdict.report(f"{payment_id} is missing in the table")
    elif found.version <= version:
        verdict.compared += 1
        if found.version < version:
            verdict.report(f"{payment_id} is in the table as of {found.version}, in the journal as of {version}")
        elif found.payment != payment:
            verdict.report(f"{payment_id} is in the table with {_difference(found.payment, payment)}")


def _read_table(settings: Settings) -> dict[str, StoredPayment]:
    return {item.payment.id: item for item in TransactionsTable(settings).all()}


def _difference(found: PaymentData, payment: PaymentData) -> str:
    mine, theirs = msgspec.structs.asdict(found), msgspec.structs.asdict(payment)
    return ", ".join(f"{name} {mine[name]!r} instead of {theirs[name]!r}" for name in mine if mine[name] != theirs[name])
