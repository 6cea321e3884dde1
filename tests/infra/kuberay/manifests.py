"""The manifests of an environment, as `kubectl apply -k` would send them."""

import subprocess
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.infra.programs import program

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "kuberay"
OVERLAYS = ("local", "staging", "production", "standby")
ON_AWS = ("staging", "production", "standby")

Manifest = dict[str, Any]


@cache
def rendered(overlay: str) -> str:
    """Return the overlay's manifests as one YAML text."""
    command = [program("kubectl"), "kustomize", str(FOLDER / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def _parsed(overlay: str) -> list[Manifest]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(rendered(overlay), Loader=loader) if document]


def manifests(overlay: str) -> list[Manifest]:
    """Return copies of the overlay's manifests, which may be changed."""
    return deepcopy(_parsed(overlay))


def of_kind(found: list[Manifest], kind: str) -> list[Manifest]:
    """Return those of a kind."""
    return [manifest for manifest in found if manifest["kind"] == kind]


def named(found: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the one of a kind with this name."""
    (manifest,) = (manifest for manifest in of_kind(found, kind) if manifest["metadata"]["name"] == name)
    return manifest


def ray_service(found: list[Manifest]) -> Manifest:
    """Return the one RayService."""
    (service,) = of_kind(found, "RayService")
    return service


def ray_cluster(found: list[Manifest]) -> Manifest:
    """Return what the RayService says of its Ray cluster."""
    cluster: Manifest = ray_service(found)["spec"]["rayClusterConfig"]
    return cluster


def serve_config(found: list[Manifest]) -> Manifest:
    """Return what Serve is sent."""
    config: Manifest = yaml.safe_load(ray_service(found)["spec"]["serveConfigV2"])
    return config


def groups(found: list[Manifest]) -> dict[str, Manifest]:
    """Return all groups of pods, the head's too, by name."""
    cluster = ray_cluster(found)
    return {"head": cluster["headGroupSpec"], **{group["groupName"]: group for group in cluster["workerGroupSpecs"]}}


def pods(group: Manifest) -> Manifest:
    """Return the specification of a group's pods."""
    spec: Manifest = group["template"]["spec"]
    return spec


def containers(group: Manifest) -> list[Manifest]:
    """Return all containers of a group's pods, those that only prepare as well."""
    return [*pods(group).get("initContainers", []), *pods(group)["containers"]]


def environment(found: list[Manifest], container: Manifest) -> dict[str, str]:
    """Return a container's variables; what comes out of a Secret is a stand-in that says from where."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom", []):
        variables |= named(found, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container.get("env", []):
        if "value" in variable:
            variables[variable["name"]] = variable["value"]
        else:
            reference = variable["valueFrom"]["secretKeyRef"]
            variables[variable["name"]] = _STAND_INS.get(reference["name"], "").format(**reference)
    return variables


_STAND_INS = {
    "payments-database": "postgresql://payments@{name}/{key}?sslmode=verify-full",
    "payments-redis": "rediss://{name}/{key}",
}
