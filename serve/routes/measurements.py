"""The figures for Prometheus."""

from collections.abc import Awaitable
from typing import TypeVar

from prometheus_client import CONTENT_TYPE_LATEST

from processor.bridges.webhooks.endpoint_table import Figures
from processor.journal.interface import JournalUnavailable
from serve.ledger import LedgerError
from serve.metrics import Scrape
from serve.routes.route import Route
from serve.wire.answer import Answer
from serve.wire.request import Request

Told = TypeVar("Told")


async def read_metrics(request: Request) -> Answer:
    """Return all figures. Without an answer about the shards the process's own are still told."""
    ledger = request.ledger
    scrape = Scrape(
        await _told(ledger.host_status()),
        await _told(ledger.shard_status()),
        await _told(ledger.reads.lag()),
        await _told(ledger.reads.audits()),
        await _told(ledger.reads.bridges()),
        await _webhooks(request),
    )
    return Answer(200, request.site.metrics.text(scrape), (), CONTENT_TYPE_LATEST.encode())


async def _webhooks(request: Request) -> list[Figures]:
    webhooks = request.site.webhooks
    try:
        return [await webhooks.figures()] if webhooks is not None else []
    except JournalUnavailable:
        return []


async def _told(asked: Awaitable[list[Told]]) -> list[Told]:
    try:
        return await asked
    except LedgerError:
        return []


ROUTES = (Route("GET", "/metrics", read_metrics, "Figures for Prometheus", "Operations", {200: CONTENT_TYPE_LATEST}),)
