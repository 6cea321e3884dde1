"""What shard hosts tell Prometheus, made from their status at the moment of the question.

One table for both places where it is seen: the API's /metrics, which asks all hosts, and Ray's export, to which each host adds its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from actors.buckets import Distribution
from actors.commit_times import CommitCounts
from actors.host import HostStatus
from actors.shard_position import ShardPosition
from processor.clock import now_microseconds

_SHARD_GAUGES: dict[str, tuple[str, Callable[[ShardPosition], float]]] = {
    "epoch": ("Epoch in which the host owns the shard", lambda shard: shard.epoch),
    "sequence": ("Newest durable record of the shard", lambda shard: shard.sequence),
    "accounts": ("Accounts of the shard", lambda shard: shard.accounts),
    "outcomes": ("Idempotency keys that the shard has in memory", lambda shard: shard.outcomes),
    "payments": ("Payments in memory: held, or changed lately", lambda shard: shard.payments),
    "travelling": ("Payments to other hosts that are not at their end", lambda shard: shard.travelling),
    "travelling_seconds": ("For how long the first of them has travelled", lambda shard: _seconds_since(shard.travelling_since)),
}
_SHARD_COUNTERS: dict[str, tuple[str, Callable[[ShardPosition], float]]] = {
    "events": ("Events that the host has decided since it took the shard over", lambda shard: shard.served_events),
    "records": ("Records that the host has appended since then", lambda shard: shard.served_records),
    "appended_bytes": ("Bytes of these records", lambda shard: shard.served_bytes),
}
_HOST_GAUGES: dict[str, tuple[str, Callable[[HostStatus], float]]] = {
    "queue_messages": ("Messages that wait for their turn", lambda host: host.queue_length),
    "queue_limit_messages": ("How many may wait: above it the answer is 503", lambda host: host.queue_limit),
    "shards": ("Shards that the host serves", lambda host: len(host.shards)),
    "broken_shards": ("Shards that could not be recovered: `payments verify` says why", lambda host: len(host.broken)),
}
_HOST_COUNTERS: dict[str, tuple[str, Callable[[HostStatus], float]]] = {
    "messages": ("Messages decided", lambda host: host.messages),
    "busy_messages": ("Messages answered with 503: the queue was full, or the archive silent", lambda host: host.counts.busy),
    "halts": ("Times that the host gave its memory up for the journal", lambda host: host.counts.halts),
}
_HOST_HISTOGRAMS: dict[str, tuple[str, Callable[[CommitCounts], Distribution]]] = {
    "turn_messages": ("Messages of a turn, all in one append", lambda counts: counts.turn_messages),
    "decide_seconds": ("Time of a turn until all is decided", lambda counts: counts.decide_seconds),
    "append_seconds": ("Time of a turn from there until the journal has it", lambda counts: counts.append_seconds),
    "recall_seconds": ("Time that a message waited for the archive", lambda counts: counts.recall_seconds),
}
_SHARD_LABELS = ("shard", "host")
_HOST_LABELS = ("host",)


def host_families(hosts: Sequence[HostStatus]) -> Iterator[Metric]:
    """Return all figures of these hosts and their shards."""
    shards = [((str(position.shard), host.host), position) for host in hosts for position in host.shards]
    named = [((host.host,), host) for host in hosts]
    for name, (text, of_shard) in _SHARD_GAUGES.items():
        yield gauge(f"payments_shard_{name}", text, _SHARD_LABELS, ((labels, of_shard(shard)) for labels, shard in shards))
    for name, (text, of_shard) in _SHARD_COUNTERS.items():
        yield counter(f"payments_shard_{name}", text, _SHARD_LABELS, ((labels, of_shard(shard)) for labels, shard in shards))
    for name, (text, of_host) in _HOST_GAUGES.items():
        yield gauge(f"payments_host_{name}", text, _HOST_LABELS, ((labels, of_host(host)) for labels, host in named))
    for name, (text, of_host) in _HOST_COUNTERS.items():
        yield counter(f"payments_host_{name}", text, _HOST_LABELS, ((labels, of_host(host)) for labels, host in named))
    for name, (text, of_counts) in _HOST_HISTOGRAMS.items():
        histogram = HistogramMetricFamily(f"payments_host_{name}", text, labels=_HOST_LABELS)
        for labels, host in named:
            found = of_counts(host.counts)
            histogram.add_metric(labels, found.cumulated(), found.total)
        yield histogram


def gauge(name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], float]]) -> Metric:
    """Return one gauge with a sample for each set of label values."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def counter(name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], float]]) -> Metric:
    """Return one counter with a sample for each set of label values."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _seconds_since(at: int) -> float:
    return max(0.0, (now_microseconds() - at) / 1_000_000) if at else 0.0
