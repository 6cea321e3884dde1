"""Copies our figures into Ray's: from there they reach the Ray dashboard, and each node's own Prometheus port.

Ray's agent takes a histogram apart again, one observation after another, and never forgets a counter. So here everything is copied as it
stands, as gauges, under the names that Prometheus knows: a histogram's `_bucket`, `_sum` and `_count`, a counter's `_total`. `rate` and
`histogram_quantile` work on them as usual, and what a host has said ends with it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import Metric
from ray.util.metrics import Gauge

logger = logging.getLogger(__name__)

UPDATE_SECONDS = 1.0
"""How often figures are copied. Ray itself passes them on every ten seconds."""


class RayExport:
    """What one process tells Ray."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect
        self._gauges: dict[str, Gauge] = {}

    def update(self) -> None:
        """Copy all figures as they are now."""
        for family in self._collect():
            for sample in family.samples:
                if not sample.name.endswith("_created"):
                    self._gauge(sample.name, family.documentation, sample.labels).set(sample.value, tags=sample.labels)

    def _gauge(self, name: str, text: str, labels: Iterable[str]) -> Gauge:
        found = self._gauges.get(name)
        if found is None:
            found = self._gauges[name] = Gauge(name, text, tag_keys=tuple(labels))
        return found


async def keep_updating(update: Callable[[], None]) -> None:
    """Call it again and again until cancelled. A failure is logged and ends it, but nothing else: payments matter more."""
    try:
        while True:
            update()
            await asyncio.sleep(UPDATE_SECONDS)
    except Exception:
        logger.exception("figures are not passed on to Ray any more")
