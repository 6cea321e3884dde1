"""Which series there are: ours as deploy/metrics.md describes them, those that our rules record, and Ray's that we use."""

import re
from pathlib import Path

from tests.infra.monitoring.rule_files import rules

METRICS = Path(__file__).parents[3] / "deploy" / "metrics.md"

RAY_SERIES = frozenset(
    (
        "ray_actors",
        "ray_gcs_actors_count",
        "ray_io_context_event_loop_lag_ms",
        "ray_node_cpu_utilization",
        "ray_node_disk_utilization_percentage",
        "ray_node_mem_total",
        "ray_node_mem_used",
        "ray_serve_deployment_replica_healthy",
        "ray_serve_event_loop_scheduling_latency_ms_bucket",
    )
)
"""Ray's and Serve's own, as Ray 2.60 exports them. tests/system/ledger/test_monitoring.py looks for all of them in a running instance."""

_ONLY_AT_THE_API = re.compile(
    r"payments_(ready|projection_|audit_|journal_|database_|bridge_|webhook_|shard_served)"
)  # what is asked for at the scrape, and so not in Ray's export


def documented() -> set[str]:
    """Return our series by their names at the API: a histogram's with its three endings."""
    lines = [line for line in METRICS.read_text().splitlines() if line.startswith("| `payments_")]
    found: set[str] = set()
    for line in lines:
        names, meaning = line.split("|")[1:3]
        for name in re.findall(r"`(payments_\w+)`", names):
            is_histogram = "histogram" in meaning
            found |= {f"{name}_{ending}" for ending in ("bucket", "sum", "count")} if is_histogram else {name}
    return found


def known() -> set[str]:
    """Return all series that a rule or a panel may read."""
    ours = documented()
    exported = {f"ray_{name}" for name in ours if not _ONLY_AT_THE_API.match(name)}
    return ours | exported | RAY_SERIES | {"ALERTS"} | {rule["record"] for rule in rules() if "record" in rule}
