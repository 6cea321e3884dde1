"""What alarms look at must arrive in CloudWatch, and nothing must arrive there that nobody looks at: each metric costs."""

import copy
from typing import Any

import pytest
import yaml

from tests.infra.delivery.alarm_definitions import figures
from tests.infra.delivery.collector import TOP, configuration, offered, passed

COUNTED_BY = {"metricstransform/ledger": "host", "metricstransform/api": "replica"}
FOR_CANARIES = {"payments_http_requests_total", "payments_http_errors_total"}


def test_alarms_and_canaries_get_their_figures_and_nothing_else_passes() -> None:
    assert set(passed(configuration(), offered())) == figures() | FOR_CANARIES


def test_figures_are_counted_by_the_labels_that_alarms_and_canaries_name() -> None:
    by = passed(configuration(), offered())
    by_more = {name: labels for name, labels in by.items() if labels != ["ledger"]}
    assert by_more == {name: ["ledger", "track"] for name in FOR_CANARIES}


def mixed_counters(configuration: dict[str, Any]) -> list[str]:
    """Return the counters whose values the exporter would subtract from those of other hosts or replicas."""
    return [
        transform["include"]
        for name, counted_by in COUNTED_BY.items()
        for transform in configuration["processors"][name]["transforms"]
        if "_total" in transform["include"] and counted_by not in transform["operations"][0]["label_set"]
    ]


def test_what_was_added_is_worked_out_for_each_that_counts() -> None:
    assert mixed_counters(configuration()) == []
    broken = configuration()
    for transform in broken["processors"]["metricstransform/api"]["transforms"]:
        transform["operations"][0]["label_set"] = ["ledger", "track"]
    assert mixed_counters(broken) == ["^payments_http_requests_total$"] * 2


def test_a_canarys_pods_are_told_apart_and_its_head_is_nobodys_alarm() -> None:
    receivers = configuration()["receivers"]
    (api,) = receivers["prometheus/api"]["config"]["scrape_configs"]
    (head,) = receivers["prometheus/head"]["config"]["scrape_configs"]
    track = "__meta_kubernetes_pod_label_payments_track"
    assert {"source_labels": [track], "regex": "(canary)", "target_label": "track"} in api["relabel_configs"]
    assert {"source_labels": [track], "action": "drop", "regex": "canary"} in head["relabel_configs"]


def test_a_canarys_head_does_not_hide_from_prometheus_that_productions_is_gone() -> None:
    monitors = yaml.safe_load_all((TOP / "deploy/kuberay/components/monitoring/pod-monitors.yaml").read_text())
    (ray,) = [each["spec"]["podMetricsEndpoints"][0] for each in monitors if each["metadata"]["name"] == "payments-ray"]
    labels = [f"__meta_kubernetes_pod_label_payments_{name}" for name in ("track", "group")]
    assert {"action": "drop", "sourceLabels": labels, "regex": "canary;head"} in ray["relabelings"]


@pytest.mark.parametrize("lost", sorted(figures() - {"payments_ray_head_up", "payments_bridge_stopped"}))
def test_a_figure_that_is_left_out_is_missed(lost: str) -> None:
    broken = copy.deepcopy(configuration())
    for receiver in broken["receivers"].values():
        for scrape in receiver.get("config", {}).get("scrape_configs", ()):
            for rule in scrape["metric_relabel_configs"]:
                rule["regex"] = rule["regex"].replace(lost.removeprefix("payments_"), "nothing")
    assert lost not in passed(broken, offered())
