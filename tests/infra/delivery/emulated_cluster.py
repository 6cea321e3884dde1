"""A cluster and a CloudWatch for the steps of a rollout, with a clock that runs only while somebody waits."""

import copy
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.delivery.rollouts.cloudwatch import OK, Answered
from deploy.delivery.rollouts.kubectl import Document
from deploy.delivery.rollouts.steps import Times

OLD = "000000000003.dkr.ecr.eu-central-1.amazonaws.com/payments@sha256:" + "a" * 64
NEW = "000000000003.dkr.ecr.eu-central-1.amazonaws.com/payments@sha256:" + "b" * 64
SERVE = """
proxy_location: Disabled
applications:
  - name: payments
    route_prefix: /
    import_path: serve.deployment:build
    deployments:
      - {name: ShardHosts, num_replicas: 6}
      - {name: Api, num_replicas: 6, ray_actor_options: {num_cpus: 0, resources: {api: 1}}}
      - {name: Auditor, num_replicas: 1}
"""


def service(image: str, name: str = "payments", **spec: Any) -> Document:
    """Return a RayService as the overlays have it, in short."""
    groups = []
    for group in ("shard-hosts", "api", "upkeep"):
        containers = [{"image": image, "envFrom": [{"configMapRef": {"name": "payments-settings-abc"}}]}]
        pod = {"metadata": {"labels": {"payments/group": group}}, "spec": {"containers": containers}}
        groups.append({"groupName": group, "replicas": 6, "minReplicas": 6, "maxReplicas": 6, "template": pod})
    head = {"template": {"metadata": {"labels": {"payments/group": "head"}}, "spec": {"containers": [{"image": image}]}}}
    whole = {"serveConfigV2": SERVE, "rayClusterConfig": {"headGroupSpec": head, "workerGroupSpecs": groups}} | spec
    return {"apiVersion": "ray.io/v1", "kind": "RayService", "metadata": {"name": name, "namespace": "payments"}, "spec": whole}


class EmulatedCluster:
    """Implements Cluster: a RayService serves what was applied as soon as it has been looked at `looks` times, or never."""

    def __init__(self, running: Document | None = None, looks: float = 3) -> None:
        self.services = {} if running is None else {running["metadata"]["name"]: running}
        self.looks = looks
        self.applied: list[list[Document]] = []
        self.deleted: list[str] = []
        self._seen: dict[str, int] = {}

    def apply(self, documents: Sequence[Document]) -> None:
        self.applied.append(list(documents))
        for document in documents:
            if document["kind"] == "RayService":
                name = document["metadata"]["name"]
                self.services[name] = copy.deepcopy(document)
                self._seen[name] = 0

    def get(self, kind: str, name: str) -> Document | None:
        if kind == "raycluster":
            owner = self.services[name.removesuffix("-cluster")]
            return {"spec": owner["spec"]["rayClusterConfig"]}
        if (found := self.services.get(name)) is None:
            return None
        self._seen[name] = self._seen.get(name, 0) + 1
        is_there = self._seen[name] > self.looks
        status = {
            "observedGeneration": 1,
            "conditions": [{"type": "Ready", "status": "True" if is_there else "False", "message": "replicas start"}],
            "activeServiceStatus": {
                "rayClusterName": f"{name}-cluster" if is_there else "",
                "applicationStatuses": {name: {"status": "RUNNING"}} if is_there else {},
            },
        }
        return found | {"metadata": found["metadata"] | {"generation": 1, "uid": "u"}, "status": status}

    def delete(self, kind: str, name: str) -> None:
        self.deleted.append(name)
        self.services.pop(name, None)

    @property
    def image(self) -> str:
        """The image of the head in the manifest that was applied last."""
        image: str = self.services["payments"]["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0][
            "image"
        ]
        return image


class EmulatedWatch:
    """Implements Watch: the alarm's state after so many minutes, and what was answered by then."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self.states: list[tuple[float, str]] = [(0, OK)]
        self.counts: Callable[[float], Mapping[str, Answered]] = lambda minutes: {
            "canary": Answered(round(100 * minutes), 0),
            "stable": Answered(round(600 * minutes), 0),
        }

    def alarm(self) -> tuple[str, str]:
        return next(state for since, state in reversed(self.states) if since <= self._clock.minutes), "as the test says"

    def answered(self, since: datetime) -> Mapping[str, Answered]:
        return self.counts((self._clock.now() - since) / timedelta(minutes=1))


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.minutes = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=self.minutes)

    def sleep(self, seconds: float) -> None:
        self.minutes += seconds / 60

    def times(self) -> Times:
        return Times(sleep=self.sleep, now=self.now)
