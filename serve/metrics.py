"""Figures for Prometheus: what this process has answered, and how the shards are doing at the moment of the scrape."""

from collections import Counter as Count
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from processor.audit.store import AuditStatus
from processor.core.messages import OperationAnswer, PaymentAnswer
from processor.core.results import Result
from processor.projections.lag import ShardLag
from serve.ledger import ShardStatus

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


_SHARD_FIGURES: dict[str, tuple[str, Callable[[ShardStatus], float]]] = {
    "epoch": ("Epoch of the shard's owner", lambda status: status.epoch),
    "sequence": ("Newest record of the shard", lambda status: status.sequence),
    "queue_length": ("Messages that wait in the shard's host", lambda status: status.queue_length),
    "commit_p50_seconds": ("Median time of a commit", lambda status: status.commit_p50_ms / 1000),
    "commit_p99_seconds": ("99th percentile of the time of a commit", lambda status: status.commit_p99_ms / 1000),
}
_LAG_FIGURES: dict[str, tuple[str, Callable[[ShardLag], float]]] = {
    "records": ("Records of the shard that lists do not show yet", lambda lag: lag.records),
    "seconds": ("Age of the oldest of them", lambda lag: lag.seconds),
}
_AUDIT_FIGURES: dict[str, tuple[str, Callable[[AuditStatus], float]]] = {
    "lag_records": ("Records of the shard that have not been audited yet", lambda audit: audit.lag_records),
    "compared_accounts": ("Accounts compared with live state and read model", lambda audit: audit.row.compared),
    "divergence": ("1 if anything did not agree; /v1/audit says what", lambda audit: audit.row.divergence is not None),
}


class Metrics:
    """The figures of one process. Each has its own registry unless one is given, so that several can live in one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.shards: list[ShardStatus] = []
        self.lags: list[ShardLag] = []
        self.audits: list[AuditStatus] = []
        requests = Counter("payments_http_requests", "Answers by route and status", ("route", "status"), registry=self.registry)
        self.requests = requests.labels
        seconds = Histogram(
            "payments_http_request_seconds", "Time to answer", ("route",), registry=self.registry, buckets=_SECONDS
        )
        self.seconds = seconds.labels
        self.in_flight = Gauge("payments_http_requests_in_flight", "Requests being answered", registry=self.registry)
        outcomes = Counter("payments_outcomes", "Payments by outcome, replays not counted", ("outcome",), registry=self.registry)
        self._outcomes = {result: outcomes.labels(result.code) for result in Result}
        self._replays = Counter(
            "payments_replays", "Payments and operations answered again for a key used before", registry=self.registry
        )
        operations = Counter(
            "payments_operations", "Captures, voids, refunds and reversals by outcome, replays not counted", ("kind", "outcome"),
            registry=self.registry,
        )  # fmt: skip
        self._operations = operations.labels
        self.registry.register(_Shards(self))

    def count_outcome(self, answer: PaymentAnswer) -> None:
        """Count one payment."""
        (self._replays if answer.replayed else self._outcomes[answer.result]).inc()

    def count_outcomes(self, answers: Iterable[object]) -> None:
        """Count the payments among the answers of a batch."""
        counts = Count((answer.result, answer.replayed) for answer in answers if isinstance(answer, PaymentAnswer))
        for (result, replayed), count in counts.items():
            (self._replays if replayed else self._outcomes[result]).inc(count)

    def count_accepted(self, count: int) -> None:
        """Count payments that were accepted for the first time."""
        self._outcomes[Result.ACCEPTED].inc(count)

    def count_operation(self, kind: str, answer: object) -> None:
        """Count one capture, void, refund or reversal, if it is the answer to one."""
        if isinstance(answer, OperationAnswer):
            (self._replays if answer.replayed else self._operations(kind, answer.result.code)).inc()

    def text(self, shards: list[ShardStatus], lags: list[ShardLag], audits: list[AuditStatus]) -> bytes:
        """Return all figures in Prometheus' text format, with the shards, their projections and audits as given."""
        self.shards, self.lags, self.audits = shards, lags, audits
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
        for name, (text, of_lag) in _LAG_FIGURES.items():
            gauge = GaugeMetricFamily(f"payments_projection_lag_{name}", text, labels=("shard",))
            for lag in self._metrics.lags:
                gauge.add_metric((str(lag.shard),), of_lag(lag))
            yield gauge
        for name, (text, of_audit) in _AUDIT_FIGURES.items():
            gauge = GaugeMetricFamily(f"payments_audit_{name}", text, labels=("shard",))
            for audit in self._metrics.audits:
                gauge.add_metric((str(audit.row.shard),), of_audit(audit))
            yield gauge
