"""Grafana's dashboards, and what can be wrong with one: Grafana itself leaves out in silence what it does not understand."""

import json
import re
from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Any

from tests.infra.monitoring.expressions import metrics_of
from tests.infra.monitoring.rule_files import MONITORING

DASHBOARDS = MONITORING / "grafana"
COLUMNS = 24
SCHEMA_VERSION_MIN = 36
"""From here on a panel names its data source by type and uid."""

PANELS = {"row", "stat", "timeseries", "table", "state-timeline"}
UNITS = {"short", "s", "ms", "percent", "percentunit", "reqps", "ops", "Bps"}
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# What Grafana puts in before it asks Prometheus.
_STEP = ("$__rate_interval", "5m")

Dashboard = dict[str, Any]
Panel = dict[str, Any]


def dashboards() -> dict[str, Dashboard]:
    """Return all dashboards by the name of their file."""
    return {path.name: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}


def expressions(dashboard: Dashboard) -> Iterator[str]:
    """Return every question to Prometheus, variables' too, as Prometheus gets it when everything is chosen."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace(*_STEP)
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"].removeprefix("label_values(").split(",")[0]


def problems_of(dashboard: Dashboard, series: Collection[str]) -> list[str]:
    """Return what is wrong, in words. `series`: what there is to be read."""
    found = [] if dashboard["schemaVersion"] >= SCHEMA_VERSION_MIN else ["the schema is too old"]
    found += [f"{text} is empty" for text in ("uid", "title", "description") if not dashboard.get(text)]
    panels = dashboard["panels"]
    numbers = [panel["id"] for panel in panels]
    if len(set(numbers)) < len(numbers):
        found.append("two panels have the same id")
    for one, other in combinations(panels, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            found.append(f"{one['title']} and {other['title']} overlap")
    for panel in panels:
        found += [f"{panel['title']}: {problem}" for problem in _panel_problems(panel)]
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    if variables.get("datasource", {}).get("type") != "datasource":
        found.append("the data source cannot be chosen")
    for expression in expressions(dashboard):
        found += [f"{metric} is read, which nobody writes" for metric in sorted(metrics_of(expression) - set(series))]
        used = set(re.findall(r"\$\{?(\w+)", expression))
        found += [f"${name} is no variable" for name in sorted(used - variables.keys())]
    return found


def _panel_problems(panel: Panel) -> Iterator[str]:
    place = panel["gridPos"]
    if place["x"] < 0 or place["w"] < 1 or place["h"] < 1 or place["x"] + place["w"] > COLUMNS:
        yield "lies outside of the grid"
    if panel["type"] not in PANELS:
        yield f"{panel['type']} is no kind of panel that we use"
    if panel["type"] == "row":
        return
    if not panel["targets"]:
        yield "asks for nothing"
    references = [target["refId"] for target in panel["targets"]]
    if len(set(references)) < len(references):
        yield "two questions have the same refId"
    if any(each != _DATASOURCE for each in (panel["datasource"], *(target["datasource"] for target in panel["targets"]))):
        yield "has a data source of its own"
    if panel["fieldConfig"]["defaults"]["unit"] not in UNITS:
        yield f"{panel['fieldConfig']['defaults']['unit']} is no unit that we use"


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
