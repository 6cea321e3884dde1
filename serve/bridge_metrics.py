"""What Prometheus is told of the bridges."""

from collections.abc import Callable, Iterator, Sequence
from typing import get_args

from prometheus_client.metrics_core import Metric

from actors.metrics import counter, gauge
from processor.bridges.status import AnyBridgeState, BridgeStatus

_STATES: tuple[str, ...] = get_args(AnyBridgeState)
_LAGS: dict[str, tuple[str, Callable[[BridgeStatus], float | None]]] = {
    "records": ("Records that the bridge has not carried over yet", lambda bridge: bridge.lag_records),
    "seconds": ("Age of the oldest of them", lambda bridge: bridge.lag_seconds),
}
_COUNTS: dict[str, tuple[str, Callable[[BridgeStatus], float]]] = {
    "published": ("Events at the bridge's target", lambda bridge: bridge.published),
    "rejected": ("Events given up: they became dead letters", lambda bridge: bridge.rejected),
    "retries": ("Times that something had to be tried again", lambda bridge: bridge.retries),
}


def bridge_families(bridges: Sequence[BridgeStatus]) -> Iterator[Metric]:
    """Return all figures of these bridges."""
    states = (((bridge.name, state), float(bridge.state == state)) for bridge in bridges for state in _STATES)
    yield gauge("payments_bridge_state", "1 for the state that the bridge is in", ("bridge", "state"), states)
    for name, (text, of_lag) in _LAGS.items():
        lags = (((bridge.name,), lag) for bridge in bridges if (lag := of_lag(bridge)) is not None)
        yield gauge(f"payments_bridge_lag_{name}", text, ("bridge",), lags)
    for name, (text, of_count) in _COUNTS.items():
        counts = (((bridge.name,), of_count(bridge)) for bridge in bridges)
        yield counter(f"payments_bridge_{name}", text, ("bridge",), counts)
    figures = (((bridge.name, name), float(number)) for bridge in bridges for name, number in bridge.figures.items())
    yield counter("payments_bridge_figures", "What the bridge counts of its own, by name", ("bridge", "figure"), figures)
    letters = (((bridge.name,), float(bridge.dead_letters)) for bridge in bridges)
    yield gauge("payments_bridge_dead_letters", "Dead letters that the bridge has now", ("bridge",), letters)
