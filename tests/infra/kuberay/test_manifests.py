"""The manifests of every environment are what KubeRay, Kubernetes, Ray Serve and this program expect."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.infra.kuberay.manifests import ON_AWS, OVERLAYS, manifests, ray_service, rendered, serve_config
from tests.infra.kuberay.nodes import crowded_nodes
from tests.infra.kuberay.rules import RULES, Rule
from tests.infra.kuberay.schemas import ray_service_problems, serve_problems
from tests.infra.programs import program


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_ray_service_is_valid_by_kuberays_schema(overlay: str) -> None:
    assert ray_service_problems(ray_service(manifests(overlay))) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_serve_config_is_valid_by_rays_schema(overlay: str) -> None:
    assert serve_problems(serve_config(manifests(overlay))) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.__name__))
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_rule_has_nothing_against_an_environment(overlay: str, rule: Rule) -> None:
    assert list(rule(manifests(overlay))) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_knows_every_field(overlay: str, tmp_path: Path) -> None:
    path = tmp_path / "manifests.yaml"
    path.write_text(rendered(overlay))
    assert unknown_to_kubernetes(path) == ""


def test_kubernetes_refuses_a_field_that_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(rendered("staging").replace("minAvailable: 2", "minAvailabel: 2"))
    assert "minAvailabel" in unknown_to_kubernetes(path)


def unknown_to_kubernetes(path: Path) -> str:
    """Return what is wrong with manifests of Kubernetes' own kinds, by its schemas."""
    command = [program("kubernetes-validate"), "--strict", "--quiet", "--no-warn", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("overlay", ON_AWS)
def test_two_clusters_at_once_fit_the_nodes(overlay: str) -> None:
    assert crowded_nodes(overlay, manifests(overlay)) == []


def test_the_standby_is_production_asleep() -> None:
    production, standby = ray_service(manifests("production")), ray_service(manifests("standby"))
    assert standby["spec"].pop("suspend") is True
    assert "suspend" not in production["spec"]
    assert serve_config(manifests("standby")) == serve_config(manifests("production"))
    cluster = yaml.safe_dump(production["spec"]["rayClusterConfig"]).replace("eu-central-1", "eu-west-1")
    assert "eu-central-1" not in yaml.safe_dump(standby["spec"]["rayClusterConfig"])
    assert len(cluster.splitlines()) == len(yaml.safe_dump(standby["spec"]["rayClusterConfig"]).splitlines())
