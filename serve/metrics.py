"""Figures for Prometheus: what this process has answered, and how the shards are doing at the moment of the scrape."""

from collections import Counter as Count
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from processor.core.messages import PaymentAnswer
from processor.core.results import Result
from serve.ledger import ShardStatus

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


_SHARD_FIGURES: dict[str, tuple[str, Callable[[ShardStatus], float]]] = {
    "epoch": ("Epoch of the shard's owner", lambda status: status.epoch),
    "sequence": ("Newest record of the shard", lambda status: status.sequence),
    "queue_length": ("Messages that wait in the shard's host", lambda status: status.queue_length),
    "commit_p50_seconds": ("Median time of a commit", lambda status: status.commit_p50_ms / 1000),
    "commit_p99_seconds": ("99th percentile of the time of a commit", lambda status: status.commit_p99_ms / 1000),
}


class Metrics:
    """The figures of one process. Each has its own registry unless one is given, so that several can live in one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.shards: list[ShardStatus] = []
        requests = Counter("payments_http_requests", "Answers by route and status", ("route", "status"), registry=self.registry)
        self.requests = requests.labels
        seconds = Histogram(
            "payments_http_request_seconds", "Time to answer", ("route",), registry=self.registry, buckets=_SECONDS
        )
        self.seconds = seconds.labels
        self.in_flight = Gauge("payments_http_requests_in_flight", "Requests being answered", registry=self.registry)
        outcomes = Counter("payments_outcomes", "Payments by outcome, replays not counted", ("outcome",), registry=self.registry)
        self._outcomes = {result: outcomes.labels(result.code) for result in Result}
        self._replays = Counter("payments_replays", "Payments answered again for a key used before", registry=self.registry)
        self.registry.register(_Shards(self))

    def count_outcome(self, answer: PaymentAnswer) -> None:
        """Count one payment."""
        (self._replays if answer.replayed else self._outcomes[answer.result]).inc()

    def count_outcomes(self, answers: Iterable[object]) -> None:
        """Count the payments among the answers of a batch."""
        counts = Count((answer.result, answer.replayed) for answer in answers if isinstance(answer, PaymentAnswer))
        for (result, replayed), count in counts.items():
            (self._replays if replayed else self._outcomes[result]).inc(count)

    def text(self, shards: list[ShardStatus]) -> bytes:
        """Return all figures in Prometheus' text format, with the shards as given."""
        self.shards = shards
        return generate_latest(self.registry)


class _Shards(Collector):
    """Gauges per shard, made anew at every scrape so that a shard that moved does not leave its old host's figures behind."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        for name, (text, value) in _SHARD_FIGURES.items():
            gauge = GaugeMetricFamily(f"payments_shard_{name}", text, labels=("shard", "host"))
            for status in self._metrics.shards:
                gauge.add_metric((str(status.shard), status.host), value(status))
            yield gauge
