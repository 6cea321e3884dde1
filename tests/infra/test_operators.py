"""A cluster gets the operators that the manifests need: pinned, by the names that Terraform knows, and no other cluster does."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.infra.conftest import Estate
from tests.infra.kuberay.manifests import manifests, of_kind

OPERATORS = Path(__file__).parents[2] / "deploy" / "operators"
# Who brings a kind of object to life: by the group of its API.
OF_API = {
    "ray.io": "kuberay-operator",
    "external-secrets.io": "external-secrets",
    "elbv2.k8s.aws": "aws-load-balancer-controller",
    "monitoring.coreos.com": "monitoring",
}
KUBERNETES = re.compile(r"^(v1|apps/|policy/|networking\.k8s\.io/|scheduling\.k8s\.io/)")
# Where the values of a release name the service account to which a role belongs.
ACCOUNTS = {
    "external-secrets": lambda values: values["serviceAccount"]["name"],
    "aws-load-balancer-controller": lambda values: values["serviceAccount"]["name"],
    "monitoring": lambda values: values["alertmanager"]["serviceAccount"]["name"],
}


class Release(NamedTuple):
    """One line of charts.txt."""

    name: str
    namespace: str
    chart: str
    version: str
    repository: str

    @classmethod
    def all(cls, folder: Path = OPERATORS) -> dict[str, "Release"]:
        lines = [line for line in (folder / "charts.txt").read_text().splitlines() if not line.startswith("#")]
        return {release.name: release for release in (cls(*line.split()) for line in lines)}

    def values(self, folder: Path = OPERATORS) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((folder / f"{self.name}.yaml").read_text())
        return found


def missing(releases: dict[str, Release], overlay: str) -> set[str]:
    """Return the kinds of an overlay's objects that nobody would bring to life."""
    objects = manifests(overlay)
    ours = {
        OF_API.get(found["apiVersion"].split("/")[0]): found["kind"]
        for found in objects
        if not KUBERNETES.match(found["apiVersion"])
    }
    return {kind for operator, kind in ours.items() if operator not in releases}


@pytest.mark.parametrize("overlay", ["local", "staging", "production", "standby"])
def test_every_object_has_an_operator(overlay: str) -> None:
    assert missing(Release.all(), overlay) == set()


def test_an_operator_that_is_left_out_is_missed() -> None:
    releases = Release.all()
    del releases["kuberay-operator"]
    assert missing(releases, "production") == {"RayService"}


def test_versions_are_exact_and_each_release_has_its_values() -> None:
    for release in Release.all().values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", release.version)
        assert release.values()
    assert {file.stem for file in OPERATORS.glob("*.yaml")} == {*Release.all(), "storage-class"}


@pytest.mark.parametrize("environment", ["staging", "production", "production-standby"])
def test_operators_have_the_accounts_for_which_there_are_roles(estate: Estate, environment: str) -> None:
    roles = {
        (resource.values["namespace"], resource.values["service_account"])
        for resource in estate(environment).resources
        if resource.type == "aws_eks_pod_identity_association"
    }
    releases = Release.all()
    assert {(releases[name].namespace, account(releases[name].values())) for name, account in ACCOUNTS.items()} <= roles


def test_network_policies_know_the_namespaces_of_operators() -> None:
    known = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for policy in of_kind(manifests("production"), "NetworkPolicy")
        for rule in [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]
        for peer in [*rule.get("from", []), *rule.get("to", [])]
        if "namespaceSelector" in peer
    }
    assert known <= {release.namespace for release in Release.all().values()}
    assert {"kuberay-operator", "monitoring"} <= known


def test_the_operators_of_ray_and_of_secrets_see_the_ledgers_namespace_alone() -> None:
    releases = Release.all()
    ray, secrets = releases["kuberay-operator"].values(), releases["external-secrets"].values()
    assert ray["singleNamespaceInstall"] and ray["watchNamespace"] == ["payments"]
    assert secrets["scopedRBAC"] and secrets["scopedNamespace"] == "payments" and not secrets["processClusterStore"]


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """A file with everything that install.sh asks of helm and kubectl, for which scripts stand in."""
    log = tmp_path / "log"
    stand_in = f"""#!/usr/bin/env bash
echo "${{0##*/}} $*" >> {log}
case "$*" in
  "config view"*) echo arn:aws:eks:eu-central-1:000000000004:cluster/payments-staging;;
  "show crds kuberay-operator"*) echo "kind: CustomResourceDefinition";;
  apply*"--filename -") cat >> {log};;
esac
"""
    for name in ("helm", "kubectl"):
        (tmp_path / name).write_text(stand_in)
        (tmp_path / name).chmod(0o755)
    return log


def install(said: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{said.parent}{os.pathsep}{os.environ['PATH']}"}
    bash = shutil.which("bash")
    assert bash
    return subprocess.run(
        [bash, OPERATORS / "install.sh", *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_each_release_is_brought_to_its_version(said: Path) -> None:
    done = install(said, "payments-staging", "eu-central-1", "vpc-1")
    assert done.returncode == 0, done.stderr
    lines = said.read_text().splitlines()
    upgrades = [line for line in lines if line.startswith("helm upgrade")]
    assert upgrades == [
        f"helm upgrade --install {release.name} {release.chart} --repo {release.repository} --version {release.version} "
        f"--namespace {release.namespace} --create-namespace --values {release.name}.yaml "
        + ("--set clusterName=payments-staging,region=eu-central-1,vpcId=vpc-1 " if release.name.startswith("aws-") else "")
        + "--atomic --timeout 10m"
        for release in Release.all().values()
    ]
    definitions = lines.index("kind: CustomResourceDefinition")
    assert lines[definitions - 1] == "kubectl apply --server-side --force-conflicts --filename -"
    assert lines[definitions + 1].startswith("helm upgrade --install kuberay-operator")
    assert lines.index("kubectl apply --filename ../kuberay/base/namespace.yaml --filename storage-class.yaml") < lines.index(
        upgrades[0]
    )


def test_another_cluster_is_left_alone(said: Path) -> None:
    done = install(said, "payments-production", "eu-central-1", "vpc-1")
    assert done.returncode == 1
    assert "not at payments-production" in done.stderr
    assert "helm" not in said.read_text()


def test_something_forgotten_is_said(said: Path) -> None:
    assert install(said, "payments-staging").returncode == 2
    assert not said.exists()
