"""Counters, gauges and histograms for one event loop: adding to one costs a tenth of a microsecond, since nothing is locked."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.buckets import Buckets


class Tally:
    """One number."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self, amount: int = 1) -> None:
        """Add to it."""
        self.value += amount

    def dec(self, amount: int = 1) -> None:
        """Take away from it; only where it is a gauge."""
        self.value -= amount


class Tallies(Collector):
    """Numbers that are only ever added to, by label values; a sample appears when its label values are first asked for."""

    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        """Name them as Prometheus does, but without `_total`."""
        self._name, self._text, self._labels = name, text, labels
        self._found: dict[tuple[str, ...], Tally] = {}
        registry.register(self)

    def labels(self, *values: object) -> Tally:
        """Return the number of these label values."""
        return self._found.setdefault(tuple(str(value) for value in values), Tally())

    def items(self) -> Iterable[tuple[tuple[str, ...], int]]:
        """Return all label values with their numbers."""
        return [(values, tally.value) for values, tally in self._found.items()]

    def collect(self) -> Iterable[Metric]:
        """Return them for Prometheus."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, tally in self._found.items():
            family.add_metric(values, tally.value)
        return [family]


class Level(Tally, Collector):
    """One number that goes up and down."""

    def __init__(self, name: str, text: str, registry: CollectorRegistry) -> None:
        super().__init__()
        self._name, self._text = name, text
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Return it for Prometheus."""
        return [GaugeMetricFamily(self._name, self._text, value=self.value)]


class Reading(Collector):
    """A gauge that is read when it is asked for."""

    def __init__(self, name: str, text: str, read: Callable[[], float], registry: CollectorRegistry) -> None:
        self._name, self._text, self._read = name, text, read
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Return it for Prometheus."""
        return [GaugeMetricFamily(self._name, self._text, value=self._read())]


class Timings(Collector):
    """Histograms by one label's value; or a single one, of the empty value, without a label."""

    def __init__(self, name: str, text: str, label: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._text, self._label, self._bounds = name, text, label, bounds
        self._found: dict[str, Buckets] = {}
        registry.register(self)

    def labels(self, value: str = "") -> Buckets:
        """Return the histogram of this label value."""
        return self._found.setdefault(value, Buckets(self._bounds))

    def collect(self) -> Iterable[Metric]:
        """Return them for Prometheus."""
        family = HistogramMetricFamily(self._name, self._text, labels=[self._label] if self._label else [])
        for value, buckets in self._found.items():
            read = buckets.read()
            family.add_metric([value] if self._label else [], read.cumulated(), read.total)
        return [family]


class ReplicaRegistry(CollectorRegistry):
    """Figures of one API replica, each with the replica's id: all replicas of a node answer on one port, so a scrape meets any."""

    def __init__(self, replica: str) -> None:
        super().__init__()
        self._replica = replica

    def collect(self) -> Iterable[Metric]:
        """Return all figures, labelled."""
        for family in super().collect():
            family.samples = [sample._replace(labels={**sample.labels, "replica": self._replica}) for sample in family.samples]
            yield family
