"""Tells Ray Serve the load of a replica whose requests do not pass through Serve, which would take it to be idle.

Serve's dashboard and its Grafana panels look at a few series that Serve's own request path writes. Here a replica writes the same ones,
with what it has really done. That path must not write a gauge of its own every tenth of a second then: see `EAGER`.
"""

from collections.abc import Callable, Mapping

from ray.serve.metrics import Counter, Gauge

EAGER = {"RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "0"}
"""The environment in which Serve writes its figures when a request comes to it, which never happens, and not all the time."""


class ServeLoad:
    """The load of the replica that this process is. `requests`: answers by route since the start; `ongoing`: under way now."""

    def __init__(self, requests: Callable[[], Mapping[str, int]], ongoing: Callable[[], int]) -> None:
        self._read_requests = requests
        self._read_ongoing = ongoing
        self._told: dict[str, int] = {}
        self._requests = Counter("serve_deployment_request_counter", "Requests that the replica has answered.", ("route",))
        self._ongoing = Gauge("serve_replica_processing_queries", "Requests that the replica is answering.")

    def update(self) -> None:
        """Write what is true now."""
        for route, count in self._read_requests().items():
            new = count - self._told.get(route, 0)
            if new > 0:
                self._requests.inc(new, {"route": route})
            self._told[route] = count
        self._ongoing.set(self._read_ongoing(), {})
