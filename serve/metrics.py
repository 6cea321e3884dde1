"""Figures for Prometheus: what this process has answered, and how the shards are doing at the moment of the scrape."""

from collections import Counter as Count
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from actors.buckets import SECONDS
from actors.host import HostStatus
from actors.metrics import gauge, host_families
from processor.audit.store import AuditStatus
from processor.bridges.status import BridgeStatus
from processor.bridges.webhooks.endpoint_table import Figures
from processor.core.messages import OperationAnswer, PaymentAnswer
from processor.core.results import Result
from processor.journal.postgres.connections import DatabaseConnections
from processor.projections.lag import ShardLag
from serve.bridge_metrics import bridge_families
from serve.ledger import ShardStatus
from serve.tallies import Level, Tallies, Timings
from serve.webhook_metrics import webhook_families

_LAG_FIGURES: dict[str, tuple[str, Callable[[ShardLag], float]]] = {
    "records": ("Records of the shard that lists do not show yet", lambda lag: lag.records),
    "seconds": ("Age of the oldest of them", lambda lag: lag.seconds),
}
_AUDIT_FIGURES: dict[str, tuple[str, Callable[[AuditStatus], float]]] = {
    "lag_records": ("Records of the shard that have not been audited yet", lambda audit: audit.lag_records),
    "lag_seconds": ("Age of the oldest of them", lambda audit: audit.lag_seconds),
    "compared_accounts": ("Accounts compared with live state and read model", lambda audit: audit.row.compared),
    "divergence": ("1 if anything did not agree; /v1/audit says what", lambda audit: audit.row.divergence is not None),
}


class Scrape(Collector):
    """What is asked for at a scrape: nothing of it is kept, so that a shard that moved leaves none of its old host's figures."""

    def __init__(
        self,
        hosts: list[HostStatus],
        shards: list[ShardStatus],
        lags: list[ShardLag],
        audits: list[AuditStatus],
        bridges: list[BridgeStatus],
        webhooks: list[Figures],
        is_ready: bool = True,
        mirror_lag: Mapping[int, float] | None = None,
        connections: DatabaseConnections | None = None,
    ) -> None:
        self._hosts = hosts
        self._shards = shards
        self._lags = lags
        self._audits = audits
        self._bridges = bridges
        self._webhooks = webhooks
        self._is_ready = is_ready
        self._mirror_lag = mirror_lag or {}
        self._connections = connections

    def collect(self) -> Iterable[Metric]:
        """Return it for Prometheus."""
        yield gauge(
            "payments_ready",
            "1 if every shard is served and the journal answers; /readyz says what is missing",
            (),
            self._ready(),
        )
        yield from host_families(self._hosts)
        serving = {(position.shard, host.host) for host in self._hosts for position in host.shards}
        served = (((str(shard.shard), shard.host), float((shard.shard, shard.host) in serving)) for shard in self._shards)
        yield gauge("payments_shard_served", "1 if the shard's owner answers and serves it", ("shard", "host"), served)
        for name, (text, of_lag) in _LAG_FIGURES.items():
            lags = (((str(lag.shard),), of_lag(lag)) for lag in self._lags)
            yield gauge(f"payments_projection_lag_{name}", text, ("shard",), lags)
        for name, (text, of_audit) in _AUDIT_FIGURES.items():
            audits = (((str(audit.row.shard),), of_audit(audit)) for audit in self._audits)
            yield gauge(f"payments_audit_{name}", text, ("shard",), audits)
        mirrored = (((str(shard),), seconds) for shard, seconds in self._mirror_lag.items())
        mirror_text = "Age of the oldest record that a mirrored journal's DynamoDB lacks"
        yield gauge("payments_journal_mirror_lag_seconds", mirror_text, ("shard",), mirrored)
        for name, text, count in self._database():
            yield gauge(name, text, (), (((), float(count)),))
        yield from bridge_families(self._bridges)
        yield from webhook_families(self._webhooks)

    def _ready(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return (((), float(self._is_ready)),)

    def _database(self) -> Iterable[tuple[str, str, int]]:
        if self._connections is not None:
            yield "payments_database_connections", "Connections of all clients to the database's server", self._connections.used
            yield "payments_database_connections_limit", "How many there may be", self._connections.allowed


class Metrics:
    """The figures of one process. Each has its own registry unless one is given, so that several can live in one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        to = self.registry
        self._requests = Tallies("payments_http_requests", "Answers by route and status", ("route", "status"), to)
        self.requests = self._requests.labels
        self.seconds = Timings("payments_http_request_seconds", "Time to answer", "route", SECONDS, to).labels
        self.in_flight = Level("payments_http_requests_in_flight", "Requests being answered", to)
        outcomes = Tallies("payments_outcomes", "Payments by outcome, replays not counted", ("outcome",), to)
        self._outcomes = {result: outcomes.labels(result.code) for result in Result}
        replays = Tallies("payments_replays", "Payments and operations answered again for a key used before", (), to)
        self._replays = replays.labels()
        operations = "Captures, voids, refunds and reversals by outcome, replays not counted"
        self._operations = Tallies("payments_operations", operations, ("kind", "outcome"), to).labels

    def count_outcome(self, answer: PaymentAnswer) -> None:
        """Count one payment."""
        (self._replays if answer.replayed else self._outcomes[answer.result]).inc()

    def count_outcomes(self, answers: Iterable[object]) -> None:
        """Count the payments among the answers of a batch."""
        accepted = 0
        for answer in answers:
            if type(answer) is PaymentAnswer:
                if answer.result or answer.replayed:
                    self.count_outcome(answer)
                else:  # nearly all of them
                    accepted += 1
        self._outcomes[Result.ACCEPTED].inc(accepted)

    def count_accepted(self, count: int) -> None:
        """Count payments that were accepted for the first time."""
        self._outcomes[Result.ACCEPTED].inc(count)

    def count_operation(self, kind: str, answer: object) -> None:
        """Count one capture, void, refund or reversal, if it is the answer to one."""
        if isinstance(answer, OperationAnswer):
            (self._replays if answer.replayed else self._operations(kind, answer.result.code)).inc()

    def answers_by_route(self) -> dict[str, int]:
        """Return how many requests were answered, by route."""
        found: Count[str] = Count()
        for (route, _), count in self._requests.items():
            found[route] += count
        return found

    def text(self, scrape: Scrape) -> bytes:
        """Return all figures in Prometheus' text format."""
        asked = CollectorRegistry(auto_describe=False)
        asked.register(scrape)
        return generate_latest(self.registry) + generate_latest(asked)
