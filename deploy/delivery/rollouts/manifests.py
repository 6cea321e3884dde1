"""What is applied: an overlay of deploy/kuberay with the image of this run in it, and what a canary is made of."""

import copy
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from deploy.delivery.rollouts.kubectl import Document, KubectlFailed

OVERLAYS = Path(__file__).parents[2] / "kuberay" / "overlays"
CANARY = "payments-canary"

_IMAGE = re.compile(
    r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<name>[a-z0-9/_-]+)@sha256:[0-9a-f]{64}$"
)
# One application with one deployment, in the place of production's: no shard host, no projections, no auditor, no bridge.
_SERVE = {
    "proxy_location": "Disabled",
    "http_options": {"host": "127.0.0.1"},
    "applications": [
        {
            "name": "payments",
            "route_prefix": "/",
            "import_path": "serve.canary:build",
            "args": {},
        }
    ],
}


class BadManifest(Exception):
    """The manifests are not what a rollout needs. The message says what is missing."""


def image_for(image: str, region: str) -> str:
    """Return the image by its name in a region: each pulls from the copy beside it. Raises BadManifest: it is not named by its digest."""
    found = _IMAGE.match(image)
    if found is None:
        raise BadManifest(
            f"{image!r} is not an image of ours named by its digest: write <account>.dkr.ecr.<region>.amazonaws.com/<name>@sha256:<digest>"
        )
    return image.replace(f".ecr.{found['region']}.", f".ecr.{region}.")


def rendered(overlay: str, image: str, overlays: Path = OVERLAYS, kubectl: Sequence[str] = ("kubectl",)) -> list[Document]:
    """Return the objects of an overlay, with this image, which is written into the overlay's `terraform.env`.

    Raises BadManifest, KubectlFailed.
    """
    folder = overlays / overlay
    values = folder / "terraform.env"
    if not values.exists():
        raise BadManifest(f"there is no {values}: is it an overlay for a cluster of ours?")
    text, count = re.subn(r"^image=.*$", f"image={image}", values.read_text(), flags=re.M)
    if count != 1:
        raise BadManifest(f"{values} must have one line that begins with image=, and has {count}")
    values.write_text(text)
    done = subprocess.run([*kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise KubectlFailed(f"kubectl kustomize {folder}: {done.stderr.strip()}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def ray_service(documents: Sequence[Document]) -> Document:
    """Return the one RayService among objects. Raises BadManifest."""
    found = [document for document in documents if document["kind"] == "RayService"]
    if len(found) != 1:
        raise BadManifest(f"the overlay must have one RayService, and has {len(found)}")
    return found[0]


def canary_of(documents: Sequence[Document]) -> list[Document]:
    """Return what a canary of these objects is: one API pod in a Ray cluster of its own, and the settings that it reads.

    Nothing else of them: Services, policies and budgets are production's, and stay as they are until production itself is changed.
    The pod has the labels by which production's Service finds API pods, so it gets its share of the requests, 1 of n + 1.
    """
    service = copy.deepcopy(ray_service(documents))
    service["metadata"]["name"] = CANARY
    spec = service["spec"]
    spec["serveConfigV2"] = yaml.safe_dump(_serve_of(spec["serveConfigV2"]), sort_keys=False)
    cluster = spec["rayClusterConfig"]
    groups = [group for group in cluster["workerGroupSpecs"] if group["groupName"] == "api"]
    if len(groups) != 1:
        raise BadManifest("the RayService must have one worker group api: a canary is a pod of it")
    (group,) = groups
    group["replicas"] = group["minReplicas"] = group["maxReplicas"] = 1
    cluster["workerGroupSpecs"] = groups
    for template in (cluster["headGroupSpec"]["template"], group["template"]):
        template["metadata"]["labels"]["payments/track"] = "canary"
    read = {name for name in _config_maps(group) if name}
    return [*(each for each in documents if each["kind"] == "ConfigMap" and each["metadata"]["name"] in read), service]


def _serve_of(production: str) -> Document:
    """Return the canary's Serve config: the API's deployment as production has it, once."""
    (application,) = yaml.safe_load(production)["applications"]
    api = [deployment for deployment in application["deployments"] if deployment["name"] == "Api"]
    if len(api) != 1:
        raise BadManifest("the Serve config must name the deployment Api: a canary is a replica of it")
    serve = copy.deepcopy(_SERVE)
    serve["applications"][0]["deployments"] = [{**api[0], "num_replicas": 1}]  # type: ignore[index]
    return serve


def _config_maps(group: Document) -> list[str]:
    pod = group["template"]["spec"]
    return [
        source.get("configMapRef", {}).get("name", "")
        for container in (*pod.get("initContainers", ()), *pod["containers"])
        for source in container.get("envFrom", ())
    ]
