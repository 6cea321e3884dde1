"""What no schema says of the manifests. Each rule takes all manifests of an environment and returns what is wrong, in sentences."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from processor.local.serve_config import IMPORT_PATH
from processor.local.serve_config import serve_config as local_serve_config
from processor.settings import PREFIX, BadSettings, Settings, load_settings
from serve.deployment import DRAIN_SECONDS
from serve.leaving import REPLICA_SECONDS_MAX
from serve.replica import WATCHED
from tests.infra.kuberay.manifests import (
    FOLDER,
    Manifest,
    containers,
    environment,
    groups,
    of_kind,
    pods,
    ray_cluster,
    ray_service,
    serve_config,
)
from tests.infra.kuberay.quantities import mebibytes
from tests.infra.kuberay.selection import labels, matches

# KubeRay's own (validation.go, v1.7.0).
_RAY_SERVICE_NAME_MAX = 47
_DNS_1035 = re.compile("^[a-z]([-a-z0-9]*[a-z0-9])?$")
_STRATEGIES = ("None", "NewCluster")
_RAY_CONTAINERS = {"head": "ray-head"}

_ON_GROUPS = {
    "ShardHosts": "shard-hosts",
    "Api": "api",
    "Projections": "upkeep",
    "Auditor": "upkeep",
    "Bridges": "upkeep",
}
_ACCOUNTS = {
    "head": "payments-head",
    "api": "payments-api",
    "shard-hosts": "payments-shard-host",
    "upkeep": "payments-upkeep",
}

Rule = Callable[[list[Manifest]], Iterator[str]]


def kuberay_accepts_it(found: list[Manifest]) -> Iterator[str]:
    """The operator refuses what its schema lets through."""
    service, cluster = ray_service(found), ray_cluster(found)
    name = service["metadata"]["name"]
    if len(name) > _RAY_SERVICE_NAME_MAX or not _DNS_1035.match(name):
        yield f"a RayService cannot be called {name}"
    if service["spec"]["upgradeStrategy"]["type"] not in _STRATEGIES:
        yield "the incremental strategy needs Ray's autoscaler and a Gateway"
    if cluster.get("authOptions", {}).get("mode") == "token" and _version(cluster.get("rayVersion", "0")) < (2, 52):
        yield "tokens need rayVersion 2.52 or later"
    if "name" in cluster["headGroupSpec"].get("headService", {}).get("metadata", {}):
        yield "the head's Service cannot have a name of its own"
    head_variables = {variable["name"] for variable in pods(cluster["headGroupSpec"])["containers"][0].get("env", [])}
    for variable in sorted(head_variables & {"RAY_REDIS_ADDRESS", "REDIS_PASSWORD", "REDIS_USERNAME"}):
        yield f"{variable} cannot be set by hand beside gcsFaultToleranceOptions"
    if {"redis-password", "redis-username"} & cluster["headGroupSpec"]["rayStartParams"].keys():
        yield "Redis's password belongs to gcsFaultToleranceOptions, not to rayStartParams"
    if not any(port["name"] == "serve" for port in pods(cluster["headGroupSpec"])["containers"][0]["ports"]):
        yield "the head's container needs a port called serve"
    for group in cluster["workerGroupSpecs"]:
        counts = [group.get(key) for key in ("minReplicas", "replicas", "maxReplicas")]
        if None in counts:
            yield f"{group['groupName']}: without the autoscaler minReplicas, replicas and maxReplicas must be set"
    for name, group in groups(found).items():
        if group.get("resources") and group["rayStartParams"].keys() & {"num-cpus", "resources", "memory"}:
            yield f"{name}: resources stand in rayStartParams, so not beside it as well"
        if "labels" in group["rayStartParams"]:
            yield f"{name}: labels are not one of rayStartParams"


def ray_is_the_one_that_is_installed(found: list[Manifest]) -> Iterator[str]:
    """The manifest's version is the image's."""
    import ray

    if ray_cluster(found)["rayVersion"] != ray.__version__:
        yield f"rayVersion is {ray_cluster(found)['rayVersion']}, requirements.lock has {ray.__version__}"


def the_head_works_on_nothing_and_survives(found: list[Manifest]) -> Iterator[str]:
    """No replica beside the control store, whose state outlives it, and nobody in without the token."""
    cluster = ray_cluster(found)
    if (
        cluster["headGroupSpec"]["rayStartParams"].get("num-cpus") != "0"
        or "resources" in cluster["headGroupSpec"]["rayStartParams"]
    ):
        yield "the head must offer neither CPUs nor resources"
    redis = cluster.get("gcsFaultToleranceOptions", {})
    if not redis.get("redisAddress") or not redis.get("redisPassword", {}).get("valueFrom"):
        yield "the control store needs Redis, with its password from a Secret"
    if "externalStorageNamespace" in redis:
        yield "a fixed externalStorageNamespace would give a new cluster the old one's state"
    if cluster.get("authOptions", {}).get("mode") != "token":
        yield "Ray must ask for its token"
    if cluster.get("enableInTreeAutoscaling"):
        yield "the autoscaler must be off: the number of hosts is chosen"


def serve_runs_what_the_local_instance_runs(found: list[Manifest]) -> Iterator[str]:
    """The same entry point and the same deployments, without a proxy, under the options that the code gives."""
    config = serve_config(found)
    (application,), (local,) = config["applications"], local_serve_config(Settings())["applications"]
    if config.get("proxy_location") != "Disabled":
        yield "Serve's proxy must be disabled: requests come to the replicas' own listener"
    if application["import_path"] != IMPORT_PATH:
        yield f"import_path must be {IMPORT_PATH}"
    names = [deployment["name"] for deployment in application["deployments"]]
    if names != [deployment["name"] for deployment in local["deployments"]]:
        yield f"deployments are {names}, those of the local instance are others"
    for deployment in application["deployments"]:
        options = dict(deployment.get("ray_actor_options", {}))
        options.pop("resources", None)
        if options != WATCHED["ray_actor_options"]:
            yield f"{deployment['name']}: ray_actor_options replace the code's, and say something else"


def every_deployment_has_its_group(found: list[Manifest]) -> Iterator[str]:
    """A deployment asks for the resource that its group alone offers, and there is room for all replicas, each on a pod of its own."""
    offered = {
        name: json.loads(group["rayStartParams"].get("resources", "'{}'").strip("'")) for name, group in groups(found).items()
    }
    used: dict[str, float] = {}
    for deployment in serve_config(found)["applications"][0]["deployments"]:
        name, count = deployment["name"], deployment["num_replicas"]
        asked = deployment.get("ray_actor_options", {}).get("resources", {})
        group = _ON_GROUPS.get(name, "")
        if list(asked) != [group] or [holder for holder, has in offered.items() if group in has] != [group]:
            yield f"{name} must ask for the resource {group or 'of a group'}, which the pods of that group alone must have"
            continue
        used[group] = used.get(group, 0) + count * asked[group]
        if group != "upkeep" and groups(found)[group]["replicas"] != count:
            yield f"{name} has {count} replicas, and there are {groups(found)[group]['replicas']} pods for them"
        if group != "upkeep" and deployment.get("max_surge_percent") != 0:
            yield f"{name}: there is no room for one more replica during an update, so max_surge_percent must be 0"
        if group != "upkeep" and offered[group][group] // asked[group] != 1:
            yield f"{name}: a pod must have room for exactly one replica"
    for group, amount in used.items():
        if amount > offered[group][group] * groups(found)[group]["replicas"]:
            yield f"the pods of {group} have no room for all replicas"
    if used.get("upkeep", 0) > offered["upkeep"].get("upkeep", 0):
        yield "one pod of upkeep must have room for all of upkeep, or the loss of the other stops some of it"
    for name, group in groups(found).items():
        if name != "head" and not group.get("minReplicas") == group.get("replicas") == group.get("maxReplicas"):
            yield f"{name}: the number of pods is fixed, so minReplicas and maxReplicas are the same"


def settings_exist_and_parse(found: list[Manifest]) -> Iterator[str]:
    """Every PAYMENTS_ variable is a setting with a value that is allowed, and nothing adds others."""
    for name, group in groups(found).items():
        if pods(group).get("enableServiceLinks") is not False:
            yield f"{name}: enableServiceLinks makes variables of Services, such as PAYMENTS_API_PORT, which are not settings"
        for container in containers(group):
            variables = environment(found, container)
            try:
                settings = load_settings(variables)
            except BadSettings as error:
                yield f"{name}: {error}"
                continue
            if name == "head":
                if any(variable.startswith(PREFIX) for variable in variables):
                    yield "head: it runs nothing of ours, so it needs no settings"
                continue
            if not settings.database_url:
                yield f"{name}: {container['name']} has no database"
            authorities = Path(variables.get("PGSSLROOTCERT", ""))
            if settings.database_auth == "iam" and not (FOLDER / authorities.name).is_file():
                yield f"{name}: nothing says who may sign the database's certificate, so no token of IAM is sent"
            if settings.host != "0.0.0.0":
                yield f"{name}: {container['name']} would listen on {settings.host}"
            if settings.journal != "postgres" and settings.shards > 50:
                yield f"{name}: a journal in DynamoDB has at most 50 shards"
            if container["name"] == "ray-worker" and settings.port != _serve_port(groups(found)["api"]):
                yield f"{name}: the API listens on {settings.port}, its pods say {_serve_port(groups(found)['api'])}"


def workers_are_not_nice(found: list[Manifest]) -> Iterator[str]:
    """Ray's flags reach every node: read at its start, so the container's own variables."""
    for name, group in groups(found).items():
        variables = environment(found, pods(group)["containers"][0])
        if variables.get("RAY_worker_niceness") != "0":
            yield f"{name}: RAY_worker_niceness must be 0, or upkeep cannot give way to payments"
        if not 60 <= int(variables.get("RAY_gcs_rpc_server_reconnect_timeout_s", 600)) <= 300:
            yield f"{name}: a pod that has lost the head goes on for ten minutes"
        if any(variable.startswith("RAY_SERVE_") for variable in variables):
            yield f"{name}: flags of Serve's proxies have no place where there is none"


def secrets_are_references(found: list[Manifest]) -> Iterator[str]:
    """No value of a secret setting stands in a manifest."""
    secret = {f"{PREFIX}{name.upper()}" for name in ("database_url", "redis_url")}
    for name, group in groups(found).items():
        for container in containers(group):
            for variable in container.get("env", []):
                if variable["name"] in secret and "value" in variable:
                    yield f"{name}: {variable['name']} is written out"
    for config in of_kind(found, "ConfigMap"):
        for key in sorted(secret & config["data"].keys()):
            yield f"{config['metadata']['name']}: {key} belongs to a Secret"
    external = {secret["spec"]["target"]["name"] for secret in of_kind(found, "ExternalSecret")}
    written = {manifest["metadata"]["name"] for manifest in of_kind(found, "Secret")}
    if external and written:
        yield f"the Secrets {sorted(written)} are written out, where Secrets come from Secrets Manager"
    made = external | written
    for name in sorted(set(_secrets_used(ray_cluster(found))) - made):
        yield f"nobody makes the Secret {name}"


def pods_are_confined(found: list[Manifest]) -> Iterator[str]:
    """The restricted profile of Kubernetes, and a root file system that nobody writes to."""
    for name, group in groups(found).items():
        pod = pods(group)
        security = pod.get("securityContext", {})
        if security.get("runAsNonRoot") is not True or not security.get("runAsUser") or "seccompProfile" not in security:
            yield f"{name}: pods must not run as root, and with a seccomp profile"
        if pod.get("automountServiceAccountToken") is not False or pod.get("serviceAccountName") != _ACCOUNTS[name]:
            yield f"{name}: pods have the service account {_ACCOUNTS[name]}, and no token of Kubernetes"
        for container in containers(group):
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{name}: {container['name']} keeps privileges"
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{name}: {container['name']} can write to its image"
            written = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
            if "/tmp" not in written or environment(found, container).get("HOME", "/tmp") != "/tmp":
                yield f"{name}: {container['name']} needs /tmp, where Ray keeps its files"
    accounts = {account["metadata"]["name"] for account in of_kind(found, "ServiceAccount")}
    for account in sorted(set(_ACCOUNTS.values()) - accounts):
        yield f"there is no service account {account}"


def probes_fit(found: list[Manifest]) -> Iterator[str]:
    """No probe asks Serve's proxy, none takes all API pods away at once, and each port and path is there."""
    for name, group in groups(found).items():
        container = pods(group)["containers"][0]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        readiness, liveness = container.get("readinessProbe"), container.get("livenessProbe")
        if readiness is None or liveness is None:
            yield f"{name}: without probes of our own the operator's ask Serve's proxy, which is not there"
            continue
        agent = {"path": "/api/healthz", "port": 52365}
        if liveness.get("httpGet") != agent:
            yield f"{name}: the liveness probe asks Ray's agent"
        wanted = {"path": "/healthz", "port": "serve"} if name == "api" else agent
        if readiness.get("httpGet") != wanted:
            yield f"{name}: the readiness probe asks for {wanted['path']}"
        if name == "api" and container.get("startupProbe", {}).get("httpGet") != {"path": "/startedz", "port": "serve"}:
            yield "api: a pod gets requests only after /startedz was good, so its startup probe asks for it"
        if name == "api" and "serve" not in ports:
            yield "api: the container has no port called serve"
        if ports.get("metrics") != 8080:
            yield f"{name}: Ray's metrics are at port 8080, and monitors look for it by the name metrics"


def pods_have_time_to_end(found: list[Manifest]) -> Iterator[str]:
    """What is done before the end, by preStop, fits into the grace that Kubernetes gives; the head waits for all others."""
    taken = {}
    for name, group in groups(found).items():
        command = pods(group)["containers"][0].get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
        grace = pods(group).get("terminationGracePeriodSeconds", 30)
        taken[name] = sum(float(word) for word in command if re.fullmatch(r"[0-9.]+", word))
        if name != "head" and command[:3] != ["python", "-m", "serve.leaving"]:
            yield f"{name}: its replicas do not end before Ray does"
            continue
        replicas = DRAIN_SECONDS + 5 if name == "api" else 15
        if name != "head" and taken[name] < max(replicas, REPLICA_SECONDS_MAX) + 10:
            yield f"{name}: replicas may take {replicas} s to end, after Serve has heard of it"
        if grace < taken[name] + 15:
            yield f"{name}: its end takes {taken[name]:g} s and Ray's own, and Kubernetes kills after {grace} s"
    if taken["head"] < max(seconds for name, seconds in taken.items() if name != "head"):
        yield "head: Serve's controller must outlive the replicas that it ends"


def selectors_find_pods(found: list[Manifest]) -> Iterator[str]:
    """Services, budgets, policies and monitors name pods and ports that exist, and a budget leaves one pod to be moved."""
    known = {name: labels(group) for name, group in groups(found).items()}
    others = {
        manifest["metadata"]["name"]: manifest["spec"]["template"]["metadata"]["labels"]
        for manifest in of_kind(found, "StatefulSet")
    }
    for manifest in found:
        kind, name, spec = manifest["kind"], manifest["metadata"]["name"], manifest.get("spec", {})
        selector = spec.get("podSelector" if kind == "NetworkPolicy" else "selector")
        if kind not in ("Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor") or selector is None:
            continue
        if kind == "Service":
            selector = {"matchLabels": selector}
        chosen = [group for group, own in (known | others).items() if matches(selector, own)]
        if not chosen:
            yield f"{kind} {name} finds no pods"
        if kind == "PodDisruptionBudget":
            minimum, pods_of = (
                spec.get("minAvailable"),
                sum(groups(found)[group]["replicas"] for group in chosen if group in known),
            )
            if not isinstance(minimum, int) or "maxUnavailable" in spec:
                yield f"PodDisruptionBudget {name}: only an integer minAvailable works for pods of a RayCluster"
            elif spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
                yield f"PodDisruptionBudget {name}: a pod that is not ready would keep its node from being drained"
            elif minimum >= pods_of:
                yield f"PodDisruptionBudget {name}: of {pods_of} pods {minimum} must stay, so no node could ever be drained"
        ports = {
            port["name"] for group in chosen if group in known for port in pods(groups(found)[group])["containers"][0]["ports"]
        }
        wanted = [port.get("targetPort") for port in spec.get("ports", [])] if kind == "Service" else []
        wanted += [endpoint["port"] for endpoint in spec.get("podMetricsEndpoints", [])]
        for port in wanted:
            if isinstance(port, str) and port not in ports:
                yield f"{kind} {name}: its pods have no port called {port}"
    for group in ("api", "shard-hosts", "upkeep"):
        if not any(matches(budget["spec"]["selector"], known[group]) for budget in of_kind(found, "PodDisruptionBudget")):
            yield f"{group}: nothing keeps Kubernetes from draining all its pods at once"


def traffic_is_named(found: list[Manifest]) -> Iterator[str]:
    """Nothing is allowed but what is said, and what is needed is said."""
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind(found, "NetworkPolicy")}
    denied = policies.get("default-deny", {})
    if denied.get("podSelector") != {} or set(denied.get("policyTypes", [])) != {"Ingress", "Egress"} or len(denied) != 2:
        yield "the namespace must deny everything first"
    needs = {
        "head": {("in", 8265)}, "api": {("in from outside", 8000), ("out", 5432), ("out", 6379)},
        "shard-hosts": {("out", 5432)}, "upkeep": {("out", 5432), ("out", 6379), ("out", 443)},
    }  # fmt: skip
    if of_kind(found, "SecretStore"):
        for group in ("api", "shard-hosts", "upkeep"):
            needs[group] |= {("out", 443), ("out", 80)}  # AWS, and the agent that hands out the group's credentials.
    for name, group in groups(found).items():
        allowed = set(_allowed(policies, labels(group)))
        for direction, port in sorted(needs[name] | {("out", 53), ("in", "ray"), ("out", "ray")}, key=str):
            if (direction, port) not in allowed:
                yield f"{name}: nothing goes {direction} at {port}, which it needs"
    for name, policy in policies.items():
        for rule in [*policy.get("ingress", []), *policy.get("egress", [])]:
            if not rule.get("ports") or not (rule.get("from") or rule.get("to")):
                yield f"NetworkPolicy {name}: a rule without ports, or without peers, allows all of them"


def images_are_pinned(found: list[Manifest]) -> Iterator[str]:
    """One image for all, by digest where money is real."""
    images = {container["image"] for group in groups(found).values() for container in containers(group)}
    if len(images) != 1:
        yield f"there are several images: {sorted(images)}"
    for image in sorted(images):
        if of_kind(found, "SecretStore") and not re.search("@sha256:[0-9a-f]{64}$", image):
            yield f"{image} is not pinned by its digest"
        if image.endswith(":latest") or ":" not in image:
            yield f"{image} has no tag"


def sizes_fit(found: list[Manifest]) -> Iterator[str]:
    """Memory is reserved in full, and what Ray and the emptyDirs take leaves enough for the ledger."""
    for name, group in groups(found).items():
        for container in containers(group):
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            if "memory" not in limits or ("cpu" not in requests):
                yield f"{name}: {container['name']} needs a request for CPU and a limit for memory"
            elif container["name"] != "prepare" and mebibytes(requests["memory"]) != mebibytes(limits["memory"]):
                yield f"{name}: {container['name']} asks for less memory than it may use, and could be evicted for it"
        store = int(group["rayStartParams"].get("object-store-memory", 0)) / 2**20
        if not 75 <= store <= 256:
            yield f"{name}: the object store would take a third of the memory, and nobody uses it"
        tmp = next(volume for volume in pods(group)["volumes"] if volume["name"] == "tmp")["emptyDir"]["sizeLimit"]
        if mebibytes(tmp) >= mebibytes(pods(group)["containers"][0]["resources"]["limits"]["ephemeral-storage"]):
            yield f"{name}: /tmp may grow beyond what the pod may store"


def pods_are_spread(found: list[Manifest]) -> Iterator[str]:
    """On a cluster of several zones the loss of one takes only a part of each group."""
    if not of_kind(found, "SecretStore"):
        return
    for name, group in groups(found).items():
        pod = pods(group)
        if not pod.get("nodeSelector", {}).get("payments/group"):
            yield f"{name}: it may run on any node"
        if name == "head":
            continue
        spread = pod.get("topologySpreadConstraints", [])
        if [rule["topologyKey"] for rule in spread] != ["topology.kubernetes.io/zone"]:
            yield f"{name}: nothing spreads it over the zones"
        rules = [*spread, *_apart(pod)]
        if not _apart(pod):
            yield f"{name}: nothing keeps its pods on nodes of their own"
        for rule in rules:
            if rule.get("matchLabelKeys") != ["ray.io/cluster"]:
                yield f"{name}: during an upgrade the other cluster's pods would count as well"
            if not matches(rule["labelSelector"], labels(group)):
                yield f"{name}: it is spread by labels that its pods do not have"


def upgrades_pass_shards_on(found: list[Manifest]) -> Iterator[str]:
    """A new cluster beside the old one, and time for the old one's end."""
    spec = ray_service(found)["spec"]
    if spec["upgradeStrategy"]["type"] != "NewCluster":
        yield "another image needs another cluster"
    if not spec.get("rayClusterDeletionDelaySeconds", 0) >= 30:
        yield "the old cluster goes before load balancers have found the new one"
    if spec.get("excludeHeadPodFromServeSvc") is not True:
        yield "the operator would look for a proxy on the head"


RULES: tuple[Rule, ...] = (
    kuberay_accepts_it,
    ray_is_the_one_that_is_installed,
    the_head_works_on_nothing_and_survives,
    serve_runs_what_the_local_instance_runs,
    every_deployment_has_its_group,
    settings_exist_and_parse,
    workers_are_not_nice,
    secrets_are_references,
    pods_are_confined,
    probes_fit,
    pods_have_time_to_end,
    selectors_find_pods,
    traffic_is_named,
    images_are_pinned,
    sizes_fit,
    pods_are_spread,
    upgrades_pass_shards_on,
)


def problems(found: list[Manifest]) -> list[str]:
    """Return what all rules have against the manifests."""
    return [f"{rule.__name__}: {problem}" for rule in RULES for problem in rule(found)]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def _serve_port(group: Manifest) -> int | None:
    ports = pods(group)["containers"][0]["ports"]
    return next((port["containerPort"] for port in ports if port["name"] == "serve"), None)


def _secrets_used(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for part in value:
            yield from _secrets_used(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key == "secretKeyRef":
                yield part["name"]
            elif key == "secretName":
                yield part
            else:
                yield from _secrets_used(part)


def _apart(pod: Manifest) -> list[Manifest]:
    rules = pod.get("affinity", {}).get("podAntiAffinity", {})
    preferred = [rule["podAffinityTerm"] for rule in rules.get("preferredDuringSchedulingIgnoredDuringExecution", [])]
    return [*rules.get("requiredDuringSchedulingIgnoredDuringExecution", []), *preferred]


def _allowed(policies: dict[str, Manifest], own: dict[str, str]) -> Iterator[tuple[str, int | str]]:
    for policy in policies.values():
        if not matches(policy["podSelector"], own):
            continue
        for direction, rules in (("in", policy.get("ingress", [])), ("out", policy.get("egress", []))):
            for rule in rules:
                outside = " from outside" if any("ipBlock" in peer for peer in rule.get("from", [])) else ""
                for port in rule.get("ports", []):
                    yield direction + outside, "ray" if "endPort" in port else port["port"]
