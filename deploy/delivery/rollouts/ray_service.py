"""How far a RayService is: KubeRay's status, read with care. A new image is a second Ray cluster, which takes over when it serves."""

from typing import Any

from deploy.delivery.rollouts.kubectl import Document


def obstacles(service: Document | None, cluster: Document | None, image: str) -> list[str]:
    """Return what is still missing until the service runs this image, in words; empty: it runs.

    `cluster`: the RayCluster that the service calls active, if it names one.
    """
    if service is None:
        return ["there is no such RayService yet"]
    status: dict[str, Any] = service.get("status") or {}
    missing = []
    if status.get("observedGeneration") != service["metadata"].get("generation"):
        missing.append("the operator has not seen the last change yet")
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    if (ready := conditions.get("Ready", {})).get("status") != "True":
        missing.append(f"not ready: {ready.get('message') or ready.get('reason') or 'nothing is said about it'}")
    if conditions.get("UpgradeInProgress", {}).get("status") == "True":
        missing.append("the new cluster has not taken over yet")
    active = status.get("activeServiceStatus") or {}
    for name, application in (active.get("applicationStatuses") or {}).items():
        if application.get("status") != "RUNNING":
            missing.append(f"application {name} is {application.get('status')}: {application.get('message', '')}".rstrip(": "))
    if images := images_of(cluster) - {image}:
        missing.append(f"the active cluster runs {', '.join(sorted(images))}")
    elif cluster is None:
        missing.append("no cluster is active")
    return missing


def active_cluster(service: Document | None) -> str:
    """Return the name of the RayCluster that serves; empty: none."""
    name: str = (((service or {}).get("status") or {}).get("activeServiceStatus") or {}).get("rayClusterName") or ""
    return name


def images_of(cluster: Document | None) -> set[str]:
    """Return all images in the pods of a RayCluster."""
    if cluster is None:
        return set()
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"].get("workerGroupSpecs", ())]
    pods = [group["template"]["spec"] for group in groups]
    return {container["image"] for pod in pods for container in (*pod.get("initContainers", ()), *pod["containers"])}


def as_applied(service: Document) -> Document:
    """Return a RayService that is there as it can be applied again, without what the cluster has added."""
    metadata = {key: service["metadata"][key] for key in ("name", "namespace", "labels") if key in service["metadata"]}
    return {"apiVersion": service["apiVersion"], "kind": service["kind"], "metadata": metadata, "spec": service["spec"]}
