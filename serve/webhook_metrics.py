"""What Prometheus is told of webhooks, beside what it is told of their bridge."""

from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import Metric

from actors.metrics import gauge
from processor.bridges.webhooks.endpoint_table import Figures


def webhook_families(seen: Sequence[Figures]) -> Iterator[Metric]:
    """Return all figures; `seen` is empty if they could not be had."""
    statuses = (((name,), float(count)) for one in seen for name, count in (("enabled", one.enabled), ("disabled", one.disabled)))
    yield gauge("payments_webhook_endpoints", "Webhooks that are sent events, and that are not", ("status",), statuses)
    waiting = (((), float(one.waiting)) for one in seen)
    yield gauge("payments_webhook_waiting", "Events that wait until a receiver takes them", (), waiting)
    oldest = (((), one.oldest_seconds) for one in seen)
    yield gauge("payments_webhook_oldest_seconds", "For how long the first of them has waited", (), oldest)
