"""The figures for Prometheus."""

import asyncio
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
    ledger, reads = request.ledger, request.ledger.reads
    # All at once: with a store that does not answer, one after another would take longer than Prometheus waits.
    (obstacles, hosts, shards), (lags, mirror, audits), (connections, bridges, webhooks) = await asyncio.gather(
        asyncio.gather(ledger.readiness(), _told(ledger.host_status(), []), _told(ledger.shard_status(), [])),
        asyncio.gather(_told(reads.lag(), []), _told(reads.mirror_lag(), {}), _told(reads.audits(), [])),
        asyncio.gather(_told(reads.connections(), None), _told(reads.bridges(), []), _webhooks(request)),
    )
    scrape = Scrape(hosts, shards, lags, audits, bridges, webhooks, not obstacles, mirror, connections)
    return Answer(200, request.site.metrics.text(scrape), (), CONTENT_TYPE_LATEST.encode())


async def _webhooks(request: Request) -> list[Figures]:
    webhooks = request.site.webhooks
    try:
        return [await webhooks.figures()] if webhooks is not None else []
    except JournalUnavailable:
        return []


async def _told(asked: Awaitable[Told], otherwise: Told) -> Told:
    try:
        return await asked
    except LedgerError:
        return otherwise


ROUTES = (Route("GET", "/metrics", read_metrics, "Figures for Prometheus", "Operations", {200: CONTENT_TYPE_LATEST}),)
