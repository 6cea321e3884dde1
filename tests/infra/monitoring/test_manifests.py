"""What kustomize makes of the rules and dashboards: the objects that the Prometheus operator and Grafana's sidecar look for."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.infra.monitoring.dashboards import dashboards
from tests.infra.monitoring.rule_files import MONITORING, RULES
from tests.infra.programs import program

HEAD = """
apiVersion: ray.io/v1
kind: RayService
metadata: {name: payments}
spec: {rayClusterConfig: {headGroupSpec: {template: {spec: {containers: [{name: ray-head, env: [{name: HOME, value: /tmp}]}]}}}}}
"""


def built(folder: Path) -> list[dict[str, Any]]:
    """Return the objects that kustomize makes of a folder."""
    done = subprocess.run([program("kubectl"), "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_every_file_of_rules_becomes_an_object_of_the_prometheus_operator() -> None:
    made = [each for each in built(MONITORING) if each["kind"] == "PrometheusRule"]
    expected = {f"payments-{path.stem}": yaml.safe_load(path.read_text())["spec"] for path in RULES.glob("*.yaml")}
    assert {each["metadata"]["name"]: each["spec"] for each in made} == expected
    assert {each["apiVersion"] for each in made} == {"monitoring.coreos.com/v1"}
    assert {each["metadata"]["namespace"] for each in made} == {"monitoring"}


def test_every_dashboard_is_in_a_config_map_that_the_sidecar_loads() -> None:
    made = [each for each in built(MONITORING) if each["kind"] == "ConfigMap"]
    loaded = {name: json.loads(text) for each in made for name, text in each["data"].items()}
    assert loaded == dashboards()
    assert all(each["metadata"]["labels"]["grafana_dashboard"] == "1" for each in made)
    assert all(len(each["data"].keys()) == 1 for each in made)


def test_rays_dashboard_learns_where_prometheus_and_grafana_are(tmp_path: Path) -> None:
    shutil.copytree(MONITORING / "ray-dashboard", tmp_path / "ray-dashboard")
    (tmp_path / "head.yaml").write_text(HEAD)
    (tmp_path / "kustomization.yaml").write_text("resources: [head.yaml]\ncomponents: [ray-dashboard]\n")
    (head,) = [each for each in built(tmp_path) if each["kind"] == "RayService"]
    container = head["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert [variable["name"] for variable in container["env"]] == [
        "HOME", "RAY_PROMETHEUS_HOST", "RAY_GRAFANA_HOST", "RAY_GRAFANA_IFRAME_HOST",
    ]  # fmt: skip
