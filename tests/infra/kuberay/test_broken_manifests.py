"""Each deliberately broken copy of the manifests is caught, by the rule that is there for it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import yaml

from tests.infra.kuberay.manifests import (
    Manifest,
    groups,
    manifests,
    named,
    of_kind,
    pods,
    ray_cluster,
    ray_service,
    serve_config,
)
from tests.infra.kuberay.nodes import crowded_nodes
from tests.infra.kuberay.rules import problems
from tests.infra.kuberay.schemas import ray_service_problems, serve_problems

Break = Callable[[list[Manifest]], Any]


def pod(found: list[Manifest], name: str) -> Manifest:
    """Return the specification of a group's pods."""
    return pods(groups(found)[name])


def container(found: list[Manifest], name: str) -> Manifest:
    """Return a group's Ray container."""
    first: Manifest = pod(found, name)["containers"][0]
    return first


def variable(found: list[Manifest], name: str, value: str) -> None:
    """Give a shard host's container another value of a variable, or one more variable."""
    variables = [entry for entry in container(found, "shard-hosts")["env"] if entry["name"] != name]
    container(found, "shard-hosts")["env"] = [*variables, {"name": name, "value": value}]


def setting(found: list[Manifest], name: str, value: str) -> None:
    """Change the ConfigMap of settings."""
    (config,) = of_kind(found, "ConfigMap")
    config["data"][name] = value


def serve(found: list[Manifest], change: Callable[[Manifest], Any]) -> None:
    """Change the Serve config."""
    config = serve_config(found)
    change(config)
    ray_service(found)["spec"]["serveConfigV2"] = yaml.safe_dump(config)


def deployment(found: list[Manifest], name: str, **fields: Any) -> None:
    """Change one deployment of the Serve config; None takes a field away."""

    def change(config: Manifest) -> None:
        (chosen,) = (entry for entry in config["applications"][0]["deployments"] if entry["name"] == name)
        chosen.update(fields)
        for key in [key for key, value in chosen.items() if value is None]:
            del chosen[key]

    serve(found, change)


def policy(found: list[Manifest], name: str) -> Manifest:
    """Return a network policy's specification."""
    spec: Manifest = named(found, "NetworkPolicy", name)["spec"]
    return spec


def without(found: list[Manifest], kind: str, name: str) -> None:
    """Take a manifest away."""
    found.remove(named(found, kind, name))


class Case(NamedTuple):
    """What is broken, how, and a part of the sentence that must come of it."""

    title: str
    change: Break
    expected: str


RULE_CASES = [
    Case("a long name", lambda m: ray_service(m)["metadata"].update(name="p" * 48), "kuberay_accepts_it: a RayService cannot be"),
    Case("an upper-case name", lambda m: ray_service(m)["metadata"].update(name="Payments"), "cannot be called Payments"),
    Case(
        "the incremental strategy",
        lambda m: ray_service(m)["spec"]["upgradeStrategy"].update(type="NewClusterWithIncrementalUpgrade"),
        "kuberay_accepts_it: the incremental strategy",
    ),
    Case("tokens before Ray knew them", lambda m: ray_cluster(m).update(rayVersion="2.51.0"), "tokens need rayVersion"),
    Case("another Ray than the image's", lambda m: ray_cluster(m).update(rayVersion="2.59.0"), "ray_is_the_one_that_is_installed"),
    Case("no port for the operator", lambda m: container(m, "head")["ports"].pop(), "needs a port called serve"),
    Case("a group without minReplicas", lambda m: groups(m)["api"].pop("minReplicas"), "kuberay_accepts_it: api: without"),
    Case("resources said twice", lambda m: groups(m)["api"].update(resources={"api": "1"}), "not beside it as well"),
    Case("CPUs on the head", lambda m: groups(m)["head"]["rayStartParams"].update({"num-cpus": "2"}), "the head must offer neither"),
    Case("no Redis for the head", lambda m: ray_cluster(m).pop("gcsFaultToleranceOptions"), "the control store needs Redis"),
    Case(
        "Redis' password in the manifest",
        lambda m: ray_cluster(m)["gcsFaultToleranceOptions"].update(redisPassword={"value": "x"}),
        "its password from a Secret",
    ),
    Case(
        "one namespace for all clusters",
        lambda m: ray_cluster(m)["gcsFaultToleranceOptions"].update(externalStorageNamespace="payments"),
        "a fixed externalStorageNamespace",
    ),
    Case("no token", lambda m: ray_cluster(m).pop("authOptions"), "Ray must ask for its token"),
    Case("the autoscaler", lambda m: ray_cluster(m).update(enableInTreeAutoscaling=True), "the autoscaler must be off"),
    Case("a proxy", lambda m: serve(m, lambda c: c.update(proxy_location="EveryNode")), "Serve's proxy must be disabled"),
    Case(
        "another entry point",
        lambda m: serve(m, lambda c: c["applications"][0].update(import_path="serve.deployment:make")),
        "import_path must be",
    ),
    Case(
        "a deployment is missing",
        lambda m: serve(m, lambda c: c["applications"][0]["deployments"].pop()),
        "serve_runs_what_the_local_instance_runs: deployments are",
    ),
    Case(
        "Serve's figures are not quiet",
        lambda m: deployment(m, "Api", ray_actor_options={"num_cpus": 0, "resources": {"api": 1}}),
        "Api: ray_actor_options replace the code's",
    ),
    Case("no place of its own", lambda m: deployment(m, "Bridges", ray_actor_options={"num_cpus": 0}), "Bridges must ask for"),
    Case("more hosts than pods", lambda m: deployment(m, "ShardHosts", num_replicas=9), "ShardHosts has 9 replicas"),
    Case("no room for a surge", lambda m: deployment(m, "Api", max_surge_percent=None), "Api: there is no room for one more"),
    Case(
        "two hosts in a pod",
        lambda m: groups(m)["shard-hosts"]["rayStartParams"].update(resources="'{\"shard-hosts\": 2}'"),
        "ShardHosts: a pod must have room for exactly one",
    ),
    Case(
        "upkeep may come to pods that face clients",
        lambda m: groups(m)["api"]["rayStartParams"].update(resources="'{\"api\": 1, \"upkeep\": 1}'"),
        "Bridges must ask for the resource upkeep, which the pods of that group alone",
    ),
    Case(
        "half of upkeep",
        lambda m: groups(m)["upkeep"]["rayStartParams"].update(resources="'{\"upkeep\": 2}'"),
        "one pod of upkeep must have room",
    ),
    Case("a number of pods that moves", lambda m: groups(m)["api"].update(maxReplicas=9), "api: the number of pods is fixed"),
    Case("a setting that is none", lambda m: setting(m, "PAYMENTS_SHARD", "8"), "PAYMENTS_SHARD is not a setting"),
    Case("a value that is not allowed", lambda m: setting(m, "PAYMENTS_JOURNAL", "aurora"), "PAYMENTS_JOURNAL is 'aurora'"),
    Case("loopback", lambda m: setting(m, "PAYMENTS_HOST", "127.0.0.1"), "would listen on 127.0.0.1"),
    Case("another port", lambda m: setting(m, "PAYMENTS_PORT", "8080"), "the API listens on 8080, its pods say 8000"),
    Case("too many shards for a mirror", lambda m: setting(m, "PAYMENTS_SHARDS", "64"), "at most 50 shards"),
    Case("variables of Services", lambda m: pod(m, "api").pop("enableServiceLinks"), "api: enableServiceLinks"),
    Case("nobody signs", lambda m: setting(m, "PGSSLROOTCERT", "/opt/other.pem"), "nothing says who may sign the database's"),
    Case("no database", lambda m: container(m, "shard-hosts")["env"].pop(0), "database_url is empty"),
    Case("nice workers", lambda m: variable(m, "RAY_worker_niceness", "15"), "workers_are_not_nice: shard-hosts"),
    Case(
        "ten minutes alone",
        lambda m: variable(m, "RAY_gcs_rpc_server_reconnect_timeout_s", "600"),
        "a pod that has lost the head goes on",
    ),
    Case("a proxy's flag", lambda m: variable(m, "RAY_SERVE_THROUGHPUT_OPTIMIZED", "1"), "flags of Serve's proxies"),
    Case(
        "a password in the manifest",
        lambda m: variable(m, "PAYMENTS_DATABASE_URL", "postgresql://a:b@c/d"),
        "PAYMENTS_DATABASE_URL is written out",
    ),
    Case("a password in the ConfigMap", lambda m: setting(m, "PAYMENTS_REDIS_URL", "redis://:x@y"), "belongs to a Secret"),
    Case("a secret that nobody makes", lambda m: without(m, "ExternalSecret", "payments-ray-token"), "nobody makes the Secret"),
    Case("root", lambda m: pod(m, "upkeep")["securityContext"].update(runAsNonRoot=False), "upkeep: pods must not run as root"),
    Case("no seccomp", lambda m: pod(m, "head")["securityContext"].pop("seccompProfile"), "head: pods must not run as root"),
    Case("another group's rights", lambda m: pod(m, "api").update(serviceAccountName="payments-upkeep"), "service account payments-api"),
    Case("Kubernetes' token", lambda m: pod(m, "api").pop("automountServiceAccountToken"), "no token of Kubernetes"),
    Case(
        "privileges",
        lambda m: container(m, "api")["securityContext"].update(allowPrivilegeEscalation=True),
        "api: ray-worker keeps privileges",
    ),
    Case(
        "a root file system that can be written",
        lambda m: pod(m, "api")["initContainers"][0]["securityContext"].pop("readOnlyRootFilesystem"),
        "api: prepare can write to its image",
    ),
    Case("no place for Ray's files", lambda m: container(m, "head")["volumeMounts"].clear(), "head: ray-head needs /tmp"),
    Case("the operator's probe", lambda m: container(m, "shard-hosts").pop("readinessProbe"), "the operator's ask Serve's proxy"),
    Case(
        "one shard takes all pods away",
        lambda m: container(m, "api")["readinessProbe"]["httpGet"].update(path="/readyz"),
        "api: the readiness probe asks for /healthz",
    ),
    Case("requests before it is ready", lambda m: container(m, "api").pop("startupProbe"), "only after /startedz was good"),
    Case(
        "one broken shard keeps all new pods away",
        lambda m: container(m, "api")["startupProbe"]["httpGet"].update(path="/readyz"),
        "only after /startedz was good",
    ),
    Case("metrics elsewhere", lambda m: container(m, "upkeep")["ports"][0].update(containerPort=9090), "Ray's metrics are at port 8080"),
    Case("no end", lambda m: container(m, "shard-hosts").pop("lifecycle"), "shard-hosts: its replicas do not end before Ray"),
    Case("no time to end", lambda m: pod(m, "api").update(terminationGracePeriodSeconds=30), "and Kubernetes kills after 30 s"),
    Case(
        "the head goes first",
        lambda m: container(m, "head")["lifecycle"]["preStop"]["exec"].update(command=["sleep", "5"]),
        "head: Serve's controller must outlive",
    ),
    Case(
        "a budget for nobody",
        lambda m: named(m, "PodDisruptionBudget", "payments-api")["spec"]["selector"]["matchLabels"].update({"payments/group": "apis"}),
        "PodDisruptionBudget payments-api finds no pods",
    ),
    Case(
        "a budget in percent",
        lambda m: named(m, "PodDisruptionBudget", "payments-api")["spec"].update(minAvailable="50%"),
        "only an integer minAvailable",
    ),
    Case(
        "a budget that blocks",
        lambda m: named(m, "PodDisruptionBudget", "payments-shard-hosts")["spec"].update(minAvailable=6),
        "of 6 pods 6 must stay",
    ),
    Case(
        "a sick pod blocks",
        lambda m: named(m, "PodDisruptionBudget", "payments-api")["spec"].pop("unhealthyPodEvictionPolicy"),
        "a pod that is not ready would keep its node",
    ),
    Case("no budget", lambda m: without(m, "PodDisruptionBudget", "payments-upkeep"), "upkeep: nothing keeps Kubernetes from"),
    Case(
        "a service without a port",
        lambda m: named(m, "Service", "payments-api")["spec"]["ports"][0].update(targetPort="http"),
        "Service payments-api: its pods have no port called http",
    ),
    Case(
        "a monitor without a port",
        lambda m: named(m, "PodMonitor", "payments-ray")["spec"]["podMetricsEndpoints"][0].update(port="prometheus"),
        "PodMonitor payments-ray: its pods have no port called prometheus",
    ),
    Case("nothing is denied", lambda m: without(m, "NetworkPolicy", "default-deny"), "the namespace must deny everything first"),
    Case(
        "all is allowed after all",
        lambda m: policy(m, "default-deny").update(egress=[{}]),
        "the namespace must deny everything first",
    ),
    Case("no way in", lambda m: without(m, "NetworkPolicy", "load-balancer-to-api"), "api: nothing goes in from outside at 8000"),
    Case("no operator", lambda m: without(m, "NetworkPolicy", "operator-to-head"), "head: nothing goes in at 8265"),
    Case("no Ray", lambda m: without(m, "NetworkPolicy", "within-ray"), "shard-hosts: nothing goes in at ray"),
    Case(
        "no database for upkeep",
        lambda m: policy(m, "database")["podSelector"]["matchExpressions"][0].update(values=["api"]),
        "upkeep: nothing goes out at 5432",
    ),
    Case("no credentials", lambda m: without(m, "NetworkPolicy", "pod-identity"), "shard-hosts: nothing goes out at 80"),
    Case("all ports", lambda m: policy(m, "database")["egress"][0].pop("ports"), "NetworkPolicy database: a rule without ports"),
    Case("all peers", lambda m: policy(m, "load-balancer-to-api")["ingress"][0].pop("from"), "a rule without ports, or without peers"),
    Case("a tag", lambda m: container(m, "api").update(image="registry/payments:1.0"), "registry/payments:1.0 is not pinned"),
    Case("two images", lambda m: container(m, "api").update(image="x@sha256:" + "1" * 64), "there are several images"),
    Case("no limit of memory", lambda m: container(m, "api")["resources"]["limits"].pop("memory"), "api: ray-worker needs a request"),
    Case("memory on loan", lambda m: container(m, "api")["resources"]["limits"].update(memory="3Gi"), "could be evicted for it"),
    Case("a large object store", lambda m: groups(m)["api"]["rayStartParams"].pop("object-store-memory"), "api: the object store"),
    Case("an endless /tmp", lambda m: pod(m, "api")["volumes"][0]["emptyDir"].update(sizeLimit="5Gi"), "/tmp may grow beyond"),
    Case("anywhere", lambda m: pod(m, "shard-hosts").pop("nodeSelector"), "shard-hosts: it may run on any node"),
    Case("one zone", lambda m: pod(m, "api").pop("topologySpreadConstraints"), "api: nothing spreads it over the zones"),
    Case("one node", lambda m: pod(m, "api").pop("affinity"), "api: nothing keeps its pods on nodes of their own"),
    Case(
        "an upgrade is in its own way",
        lambda m: pod(m, "api")["topologySpreadConstraints"][0].pop("matchLabelKeys"),
        "api: during an upgrade the other cluster's pods",
    ),
    Case("no second cluster", lambda m: ray_service(m)["spec"]["upgradeStrategy"].update(type="None"), "another image needs another"),
    Case("no time to move", lambda m: ray_service(m)["spec"].update(rayClusterDeletionDelaySeconds=0), "the old cluster goes before"),
]  # fmt: skip


@pytest.mark.parametrize("case", RULE_CASES, ids=lambda case: case.title)
def test_a_rule_catches(case: Case) -> None:
    found = manifests("production")
    case.change(found)
    assert [problem for problem in problems(found) if case.expected in problem], problems(found)


def first_group(service: Manifest) -> Manifest:
    """Return the first group of workers."""
    group: Manifest = service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]
    return group


SCHEMA_CASES: list[tuple[str, Callable[[Manifest], Any]]] = [
    ("rayVersionn", lambda service: service["spec"]["rayClusterConfig"].update(rayVersionn="2.60.0")),
    ("replicas", lambda service: first_group(service).update(replicas="two")),
    ("groupName", lambda service: first_group(service).pop("groupName")),
    ("readinesProbe", lambda service: first_group(service)["template"]["spec"]["containers"][0].update(readinesProbe={})),
    ("containerPort", lambda service: first_group(service)["template"]["spec"]["containers"][0]["ports"][0].pop("containerPort")),
    ("upgradeStrategy", lambda service: service["spec"].update(upgradeStrategy="NewCluster")),
    ("mode", lambda service: service["spec"]["rayClusterConfig"]["authOptions"].update(mode="password")),
]


@pytest.mark.parametrize(("field", "change"), SCHEMA_CASES, ids=[case[0] for case in SCHEMA_CASES])
def test_kuberays_schema_catches(field: str, change: Callable[[Manifest], Any]) -> None:
    service = ray_service(manifests("production"))
    change(service)
    assert [problem for problem in ray_service_problems(service) if field in problem]


SERVE_CASES: list[tuple[str, Callable[[Manifest], Any]]] = [
    ("proxy_locations", lambda config: config.update(proxy_locations="Disabled")),
    ("num_replica", lambda config: config["applications"][0]["deployments"][0].update(num_replica=3)),
    ("resource", lambda config: config["applications"][0]["deployments"][0]["ray_actor_options"].update(resource={"api": 1})),
    ("num_replicas", lambda config: config["applications"][0]["deployments"][0].update(num_replicas="many")),
    ("import path", lambda config: config["applications"][0].update(import_path="deployment")),
    ("multiple configs", lambda config: config["applications"].append(config["applications"][0])),
]


@pytest.mark.parametrize(("key", "change"), SERVE_CASES, ids=[case[0] for case in SERVE_CASES])
def test_rays_schema_catches(key: str, change: Callable[[Manifest], Any]) -> None:
    config = serve_config(manifests("production"))
    change(config)
    assert [problem for problem in serve_problems(config) if key in problem]


def test_pods_that_leave_no_room_for_a_second_cluster_are_caught() -> None:
    found = manifests("production")
    container(found, "shard-hosts")["resources"]["requests"]["memory"] = "20Gi"
    assert crowded_nodes("production", found) == [
        "shard-hosts: no room for one of its pods on the nodes of shard-hosts while two clusters are there"
    ]
