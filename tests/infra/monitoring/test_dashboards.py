"""Grafana's dashboards: a valid model, on a grid without overlaps, and of series that there are."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.monitoring.dashboards import Dashboard, dashboards, expressions, problems_of
from tests.infra.monitoring.known_metrics import documented, known
from tests.infra.monitoring.promtool import promtool
from tests.infra.monitoring.rule_files import alarms

NAMES = ("payments-behind-the-journal.json", "payments.json")


def test_these_are_all() -> None:
    assert tuple(dashboards()) == NAMES
    assert len({dashboard["uid"] for dashboard in dashboards().values()}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_valid_and_reads_what_is_written(name: str) -> None:
    assert problems_of(dashboards()[name], known()) == []


@pytest.mark.parametrize("name", NAMES)
def test_prometheus_understands_every_question(name: str, tmp_path: Path) -> None:
    """As rules: promtool cannot parse an expression by itself before version 3."""
    asked = [text for text in expressions(dashboards()[name]) if not text.startswith("ALERTS")]
    recorded = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(asked)]
    # Variables stand in quotes, where they are text like any other.
    (tmp_path / "panels.json").write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    checked = promtool("check", "rules", "panels.json", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_the_issue_asks_to_see_is_shown() -> None:
    shown = " ".join(text for dashboard in dashboards().values() for text in expressions(dashboard))
    for series in (
        "payments_shard_served", "ray_payments_host_shards", "payments_append_seconds:p99", "turn_messages_sum", "host_queue_messages",
        "http_requests_total", "http_request_seconds_bucket", "http_errors:ratio", "payments_bridge_lag_seconds",
        "payments_projection_lag_seconds", "payments_audit_divergence", "payments_audit_lag_seconds",
    ):  # fmt: skip
        assert series in shown


def test_panels_name_alarms_that_there_are() -> None:
    text = json.dumps(dashboards())
    for word in text.replace('"', " ").replace(",", " ").replace(".", " ").split():
        if word.startswith("Payments") and word.isalpha() and word != "Payments":
            assert word in alarms()


def test_every_figure_of_ours_is_in_the_documentation_once_for_each_name() -> None:
    assert len(documented()) > 60
    assert "payments_host_append_seconds_bucket" in documented()


def overlapping(dashboard: Dashboard) -> None:
    dashboard["panels"][2]["gridPos"]["x"] = dashboard["panels"][1]["gridPos"]["x"] + 1


def with_a_repeated_id(dashboard: Dashboard) -> None:
    dashboard["panels"][2]["id"] = dashboard["panels"][1]["id"]


def too_wide(dashboard: Dashboard) -> None:
    dashboard["panels"][1]["gridPos"]["w"] = 25


def with_a_misspelt_series(dashboard: Dashboard) -> None:
    dashboard["panels"][1]["targets"][0]["expr"] = "max(payments_redy)"


def with_an_unknown_variable(dashboard: Dashboard) -> None:
    dashboard["panels"][1]["targets"][0]["expr"] = 'max(ray_payments_host_shards{host=~"$hosts"})'


def with_a_fixed_data_source(dashboard: Dashboard) -> None:
    dashboard["panels"][1]["datasource"] = {"type": "prometheus", "uid": "prometheus"}


def without_a_choice_of_data_source(dashboard: Dashboard) -> None:
    del dashboard["templating"]["list"][0]


def with_an_unknown_panel(dashboard: Dashboard) -> None:
    dashboard["panels"][1]["type"] = "graph"


def of_an_old_schema(dashboard: Dashboard) -> None:
    dashboard["schemaVersion"] = 16


@pytest.mark.parametrize(
    "change",
    [
        overlapping, with_a_repeated_id, too_wide, with_a_misspelt_series, with_an_unknown_variable, with_a_fixed_data_source,
        without_a_choice_of_data_source, with_an_unknown_panel, of_an_old_schema,
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", NAMES)
def test_a_broken_dashboard_is_caught(name: str, change: Callable[[Dashboard], None]) -> None:
    dashboard = copy.deepcopy(dashboards()[name])
    change(dashboard)
    assert problems_of(dashboard, known())
