"""When a RayService runs what was asked for: not while KubeRay has not looked, not while the old cluster serves, not with another image."""

from typing import Any

import pytest

from deploy.delivery.rollouts.ray_service import as_applied, obstacles
from tests.infra.delivery.emulated_cluster import NEW, OLD, service


def serving(**status: Any) -> dict[str, Any]:
    usual = {
        "observedGeneration": 4,
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "UpgradeInProgress", "status": "False"}],
        "activeServiceStatus": {"rayClusterName": "payments-x", "applicationStatuses": {"payments": {"status": "RUNNING"}}},
    }
    found = service(NEW)
    return found | {"metadata": found["metadata"] | {"generation": 4}, "status": usual | status}


def cluster(image: str = NEW) -> dict[str, Any]:
    return {"spec": service(image)["spec"]["rayClusterConfig"]}


def test_a_service_that_serves_has_no_obstacle() -> None:
    assert obstacles(serving(), cluster(), NEW) == []


@pytest.mark.parametrize(
    ("status", "image", "missing"),
    [
        ({"observedGeneration": 3}, NEW, "the operator has not seen the last change yet"),
        ({"conditions": [{"type": "Ready", "status": "False", "message": "0 of 6"}]}, NEW, "not ready: 0 of 6"),
        ({"conditions": []}, NEW, "not ready: nothing is said about it"),
        (
            {"conditions": [{"type": "Ready", "status": "True"}, {"type": "UpgradeInProgress", "status": "True"}]},
            NEW,
            "the new cluster has not taken over yet",
        ),
        (
            {"activeServiceStatus": {"applicationStatuses": {"payments": {"status": "DEPLOY_FAILED", "message": "no module"}}}},
            NEW,
            "application payments is DEPLOY_FAILED: no module",
        ),
        ({}, OLD, f"the active cluster runs {OLD}"),
    ],
)
def test_what_is_missing_is_said(status: dict[str, Any], image: str, missing: str) -> None:
    assert obstacles(serving(**status), cluster(image), NEW) == [missing]


def test_there_may_be_nothing_yet() -> None:
    assert obstacles(None, None, NEW) == ["there is no such RayService yet"]
    assert "no cluster is active" in obstacles(serving(activeServiceStatus={}), None, NEW)


def test_what_is_applied_again_has_nothing_of_the_clusters_own() -> None:
    assert set(as_applied(serving())) == {"apiVersion", "kind", "metadata", "spec"}
    assert as_applied(serving())["metadata"] == {"name": "payments", "namespace": "payments"}
