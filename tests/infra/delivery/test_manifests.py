"""What a rollout applies: production's overlay with the image of the run, and a canary that cannot own a shard."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.delivery.rollouts.kubectl import Document
from deploy.delivery.rollouts.manifests import OVERLAYS, BadManifest, canary_of, image_for, ray_service, rendered
from deploy.delivery.rollouts.ray_service import images_of
from tests.infra.delivery.emulated_cluster import NEW, service
from tests.infra.programs import program

RIGHTS = OVERLAYS.parents[1] / "delivery" / "rights.yaml"
IRELAND = NEW.replace("eu-central-1", "eu-west-1")


@pytest.fixture(scope="module")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of deploy/kuberay, in which images may be written."""
    copied = tmp_path_factory.mktemp("deploy") / "kuberay"
    shutil.copytree(OVERLAYS.parent, copied)
    return copied / "overlays"


def built(overlay: str, overlays: Path) -> list[Document]:
    """Return the overlay's manifests with the new image."""
    return rendered(overlay, NEW, overlays, [program("kubectl")])


@pytest.fixture(scope="module")
def production(overlays: Path) -> list[Document]:
    return built("production", overlays)


@pytest.fixture(scope="module")
def canary(production: list[Document]) -> list[Document]:
    return canary_of(production)


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    return [document for document in documents if document["kind"] == kind]


def groups(documents: list[Document]) -> dict[str, Any]:
    return {group["groupName"]: group for group in ray_service(documents)["spec"]["rayClusterConfig"]["workerGroupSpecs"]}


@pytest.mark.parametrize("overlay", ["staging", "production", "standby"])
def test_every_container_of_every_cluster_runs_the_image_of_the_run(overlays: Path, overlay: str) -> None:
    cluster = {"spec": ray_service(built(overlay, overlays))["spec"]["rayClusterConfig"]}
    assert images_of(cluster) == {NEW}


def test_the_standby_is_asleep(overlays: Path) -> None:
    assert ray_service(built("standby", overlays))["spec"]["suspend"] is True


def test_each_region_pulls_from_its_own_copy() -> None:
    assert image_for(NEW, "eu-west-1") == IRELAND
    assert image_for(NEW, "eu-central-1") == NEW


@pytest.mark.parametrize("image", ["payments", NEW.partition("@")[0] + ":latest", NEW[:-1]])
def test_an_image_that_is_not_named_by_its_digest_is_refused(image: str) -> None:
    with pytest.raises(BadManifest, match="named by its digest"):
        image_for(image, "eu-central-1")


def test_an_overlay_that_is_none_of_ours_is_refused(overlays: Path) -> None:
    with pytest.raises(BadManifest, match="is it an overlay for a cluster of ours"):
        built("local", overlays)


def test_a_canary_is_one_api_pod_and_owns_no_shard(canary: list[Document]) -> None:
    assert list(groups(canary)) == ["api"]
    assert {groups(canary)["api"][field] for field in ("replicas", "minReplicas", "maxReplicas")} == {1}
    (application,) = yaml.safe_load(ray_service(canary)["spec"]["serveConfigV2"])["applications"]
    assert application["import_path"] == "serve.canary:build"
    assert [(deployment["name"], deployment["num_replicas"]) for deployment in application["deployments"]] == [("Api", 1)]


def test_a_canary_changes_nothing_of_productions(production: list[Document], canary: list[Document]) -> None:
    assert ray_service(canary)["metadata"]["name"] == "payments-canary"
    assert ray_service(production)["metadata"]["name"] == "payments"
    # Beside itself only the settings that it reads, whose name ends in a hash of their content.
    assert {document["kind"] for document in canary} == {"RayService", "ConfigMap"}
    assert all(document in production for document in of_kind(canary, "ConfigMap"))


def test_productions_service_finds_the_canary(production: list[Document], canary: list[Document]) -> None:
    (found,) = [each for each in of_kind(production, "Service") if each["metadata"]["name"] == "payments-api"]
    labels = groups(canary)["api"]["template"]["metadata"]["labels"]
    assert found["spec"]["selector"].items() <= labels.items()
    assert labels["payments/track"] == "canary"
    assert "payments/track" not in groups(production)["api"]["template"]["metadata"]["labels"]


def test_a_canarys_pod_has_all_that_an_api_pod_has(production: list[Document], canary: list[Document]) -> None:
    pods = [groups(documents)["api"]["template"]["spec"] for documents in (production, canary)]
    assert pods[0] == pods[1]
    maps = {each["metadata"]["name"] for each in of_kind(canary, "ConfigMap")}
    needed = {source["configMapRef"]["name"] for container in pods[1]["containers"] for source in container["envFrom"]}
    assert needed and needed <= maps


@pytest.mark.parametrize("lost", ["worker group api", "deployment Api"])
def test_a_canary_of_what_has_no_api_is_refused(lost: str) -> None:
    broken = service(NEW)
    if lost == "worker group api":
        broken["spec"]["rayClusterConfig"]["workerGroupSpecs"].pop(1)
    else:
        broken["spec"]["serveConfigV2"] = broken["spec"]["serveConfigV2"].replace("name: Api", "name: Other")
    with pytest.raises(BadManifest, match=lost):
        canary_of([broken])


def granted(rights: list[Document]) -> set[tuple[str, str, str, str]]:
    """Return who may be changed: group of the API, plural, verb, name (empty: any)."""
    return {
        (group, plural, verb, name)
        for right in rights
        for rule in right.get("rules", ())
        for group in rule["apiGroups"]
        for plural in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


def lacking(documents: list[Document], rights: list[Document]) -> set[str]:
    """Return the objects that the role of rollouts may not apply."""
    may, missing = granted(rights), set()
    for document in documents:
        kind = document["kind"].lower()
        plural = kind[:-1] + "ies" if kind.endswith("y") else kind + ("es" if kind.endswith("s") else "s")
        group = document["apiVersion"].rpartition("/")[0]
        of_cluster = document["kind"] in ("Namespace", "PriorityClass")
        name, verbs = (document["metadata"]["name"], ("get", "patch")) if of_cluster else ("", ("get", "create", "patch"))
        if any((group, plural, verb, name) not in may for verb in verbs):
            missing.add(f"{document['kind']} {document['metadata']['name']}")
    return missing


def test_rollouts_may_change_what_they_apply_and_nothing_of_other_names(overlays: Path) -> None:
    rights = [each for each in yaml.safe_load_all(RIGHTS.read_text()) if each]
    for overlay in ("staging", "production", "standby"):
        assert lacking(built(overlay, overlays), rights) == set()
    assert not {
        (plural, verb)
        for _group, plural, verb, _name in granted(rights)
        if "*" in (plural, verb) or plural in ("roles", "secrets")
    }
    assert lacking([service(NEW)], rights[1:]) == {"RayService payments"}
