"""The figures for Prometheus."""

from prometheus_client import CONTENT_TYPE_LATEST

from serve.ledger import LedgerError
from serve.routes.route import Route
from serve.wire.answer import Answer
from serve.wire.request import Request


async def read_metrics(request: Request) -> Answer:
    """Return all figures. Without an answer about the shards the process's own are still told."""
    try:
        shards = await request.ledger.shard_status()
    except LedgerError:
        shards = []
    try:
        lags = await request.ledger.reads.lag()
    except LedgerError:
        lags = []
    try:
        audits = await request.ledger.reads.audits()
    except LedgerError:
        audits = []
    return Answer(200, request.site.metrics.text(shards, lags, audits), (), CONTENT_TYPE_LATEST.encode())


ROUTES = (Route("GET", "/metrics", read_metrics, "Figures for Prometheus", "Operations", {200: CONTENT_TYPE_LATEST}),)
