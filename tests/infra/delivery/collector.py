"""Which figures the collector lets through to CloudWatch, worked out from its configuration as the collector itself would."""

import re
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[3]
CONFIGURATION = TOP / "deploy" / "monitoring" / "adot" / "collector.yaml"
METRICS = TOP / "deploy" / "metrics.md"

OF_RAY = frozenset(("ray_io_context_event_loop_lag_ms",))
OF_A_SCRAPE = frozenset(("up", "scrape_duration_seconds"))


def offered() -> frozenset[str]:
    """Return what the ledger's pods offer, as deploy/metrics.md says."""
    rows = [line.split("|")[1] for line in METRICS.read_text().splitlines() if line.startswith("| `payments_")]
    return frozenset(name for row in rows for name in re.findall(r"`(payments_\w+)`", row)) | OF_RAY


def passed(configuration: dict[str, Any], names: frozenset[str]) -> dict[str, list[str]]:
    """Return the metrics that come to be in CloudWatch, with the labels that they are counted by."""
    found: dict[str, list[str]] = {}
    for name, pipeline in configuration["service"]["pipelines"].items():
        if not name.startswith("metrics"):
            continue
        flowing = _scraped(configuration["receivers"][pipeline["receivers"][0]], names)
        for processor in pipeline["processors"]:
            flowing = _processed(processor, configuration["processors"][processor], flowing)
        for declaration in configuration["exporters"]["awsemf"]["metric_declarations"]:
            (labels,) = declaration["dimensions"]
            patterns = declaration["metric_name_selectors"]
            found |= {each: labels for each in flowing if any(re.search(pattern, each) for pattern in patterns)}
    return found


def _scraped(receiver: dict[str, Any], names: frozenset[str]) -> set[str]:
    (scrape,) = receiver["config"]["scrape_configs"]
    (keep,) = scrape["metric_relabel_configs"]
    assert keep["action"] == "keep"
    # Prometheus anchors its patterns at both ends; what a scrape says of itself passes in any case.
    return {name for name in names if re.fullmatch(keep["regex"], name)} | OF_A_SCRAPE


def _processed(processor: str, does: dict[str, Any], names: set[str]) -> set[str]:
    kind = processor.partition("/")[0]
    if kind == "metricstransform":
        for transform in does["transforms"]:
            names = _transformed(transform, names)
    if kind == "filter":
        wanted, unwanted = does["metrics"]["include"]["metric_names"], does["metrics"]["exclude"]["metric_names"]
        names = {name for name in names if any(re.search(pattern, name) for pattern in wanted) and name not in unwanted}
    return names


def _transformed(transform: dict[str, Any], names: set[str]) -> set[str]:
    matches = re.search if transform.get("match_type") == "regexp" else lambda pattern, name: pattern == name
    meant = {name for name in names if matches(transform["include"], name)}
    if "new_name" not in transform:
        return names
    made = {transform["new_name"]} if meant else set()
    return names | made if transform["action"] == "insert" else names - meant | made


def configuration() -> dict[str, Any]:
    """Return the collector's configuration."""
    loaded: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text())
    return loaded
