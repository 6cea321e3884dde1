"""What Terraform, the manifests and the program's settings must say alike. Each rule yields what differs, in sentences."""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import yaml

from processor.settings import PREFIX, Settings, load_settings
from tests.infra.kuberay.manifests import FOLDER, ROOT, Manifest, environment, groups, of_kind, pods
from tests.infra.terraform.terraform import Plan, Resource

NAMESPACE = "payments"
# Groups of pods that share nodes, by the label of those nodes.
NODES = {"head": "head", "api": "ingress", "upkeep": "ingress", "shard-hosts": "shard-hosts"}
# Everywhere, and the agent of Pod Identity on each node.
NOT_OURS = {"0.0.0.0/0", "169.254.170.23/32"}
# Secrets of the account that no pod reads.
FOR_PEOPLE = {"payments/database-admin"}
# Kubernetes' and EKS's words for the same effect of a taint.
EFFECTS = {"NoSchedule": "NO_SCHEDULE", "NoExecute": "NO_EXECUTE", "PreferNoSchedule": "PREFER_NO_SCHEDULE"}
# What each bridge needs in AWS: the type of the resource, and the setting with its name.
BRIDGES = {
    "kinesis": [("aws_kinesis_stream", "name", "kinesis_stream")],
    "sns": [("aws_sns_topic", "name", "sns_topic")],
    "instructions": [
        ("aws_sqs_queue", "name", "sqs_instruction_queue"),
        ("aws_sqs_queue", "name", "sqs_instruction_dead_letter_queue"),
    ],
    "s3": [("aws_s3_bucket", "bucket", "s3_bucket")],
    "dynamodb": [("aws_dynamodb_table", "name", "dynamodb_transactions_table")],
    "redis": [],
}
MIRROR = ("aws_dynamodb_table", "name", "dynamodb_journal_table")


class Sides(NamedTuple):
    """An overlay and the environment that it runs in. A standby's tables and buckets are `primary`'s, which makes them in both regions."""

    overlay: str
    plan: Plan
    primary: Plan
    manifests: list[Manifest]

    def all(self, type_name: str) -> list[dict[str, Any]]:
        return [resource.values for resource in self.plan.resources if _is(resource, type_name)]

    def everywhere(self, type_name: str) -> list[dict[str, Any]]:
        return [*self.all(type_name), *(resource.values for resource in self.primary.resources if _is(resource, type_name))]

    def settings(self, group: str) -> Settings:
        """Return the settings with which a group's pods start."""
        (container,) = pods(groups(self.manifests)[group])["containers"]
        variables = environment(self.manifests, container)
        return load_settings({name: value for name, value in variables.items() if name.startswith(PREFIX)})


def _is(resource: Resource, type_name: str) -> bool:
    return resource.mode == "managed" and resource.type == type_name


Agreement = Callable[[Sides], Iterator[str]]


def service_accounts(sides: Sides) -> Iterator[str]:
    """Each workload has a role, and each role of the namespace a workload."""
    roles = {one["service_account"] for one in sides.all("aws_eks_pod_identity_association") if one["namespace"] == NAMESPACE}
    made = {account["metadata"]["name"] for account in of_kind(sides.manifests, "ServiceAccount")}
    used = {pods(group)["serviceAccountName"] for group in groups(sides.manifests).values()}
    yield from _differences(roles, made, "role by Pod Identity", "service account")
    yield from _differences(made, used, "service account", "pod that uses it")


def secrets(sides: Sides) -> Iterator[str]:
    """Each secret that comes into the cluster is in Secrets Manager, and each that is there comes in or is for people."""
    kept = {one["name"] for one in sides.everywhere("aws_secretsmanager_secret")} - FOR_PEOPLE
    fetched = {
        entry["remoteRef"]["key"] for secret in of_kind(sides.manifests, "ExternalSecret") for entry in secret["spec"]["data"]
    }
    yield from _differences(kept, fetched, "secret in Secrets Manager", "ExternalSecret")
    regions = {store["spec"]["provider"]["aws"]["region"] for store in of_kind(sides.manifests, "SecretStore")}
    yield from _differences(regions, {_region(sides)}, "region of a SecretStore", "region")


def nodes(sides: Sides) -> Iterator[str]:
    """Each group of pods finds its nodes, is let onto them, and there are no nodes that no group asks for."""
    offered = {one["labels"]["payments/group"]: one["taint"] for one in sides.all("aws_eks_node_group")}
    for name, group in groups(sides.manifests).items():
        wanted = pods(group)["nodeSelector"]["payments/group"]
        if wanted != NODES[name]:
            yield f"{name} asks for nodes of {wanted}"
        tolerated = {(one["key"], one["value"], EFFECTS[one["effect"]]) for one in pods(group).get("tolerations", [])}
        taints = {(one["key"], one["value"], one["effect"]) for one in offered.get(wanted, [])}
        yield from (f"{name} is not let onto its nodes: {taint}" for taint in taints - tolerated)
        yield from (f"{name} tolerates what its nodes do not have: {taint}" for taint in tolerated - taints)
    yield from _differences(
        set(offered),
        {pods(group)["nodeSelector"]["payments/group"] for group in groups(sides.manifests).values()},
        "group of nodes",
        "group of pods",
    )


def ports(sides: Sides) -> Iterator[str]:
    """The load balancer, the firewalls and the pods have the same ports."""
    settings = sides.settings("api")
    (container,) = pods(groups(sides.manifests)["api"])["containers"]
    listening = {port["containerPort"] for port in container["ports"] if port["name"] == "serve"}
    targets = {one["port"] for one in sides.all("aws_lb_target_group")}
    yield from _differences(targets, {settings.port}, "port of the target group", "PAYMENTS_PORT")
    yield from _differences(listening, {settings.port}, "port of the pods", "PAYMENTS_PORT")
    checks = {check["path"] for one in sides.all("aws_lb_target_group") for check in one["health_check"]}
    yield from _differences(checks, {"/healthz"}, "path of the load balancer's check", "path of the API")
    let_in = {rule["from_port"] for rule in sides.all("aws_vpc_security_group_ingress_rule")}
    let_out = {
        port["port"]
        for policy in of_kind(sides.manifests, "NetworkPolicy")
        for rule in policy["spec"].get("egress", [])
        for port in rule.get("ports", [])
    }
    for port in (settings.port,):
        if port not in let_in:
            yield f"the nodes' security group does not let in port {port}"
    for port, what in ((5432, "PostgreSQL"), (6379, "Valkey"), (443, "AWS")):
        if port not in let_in:
            yield f"no security group lets in {what}'s port {port}"
        if port not in let_out:
            yield f"no network policy lets out to {what}'s port {port}"


def places(sides: Sides) -> Iterator[str]:
    """What an overlay has from Terraform is what Terraform hands out: region, addresses, bucket, load balancer."""
    said = dict(
        line.split("=", 1)
        for line in (FOLDER / "overlays" / sides.overlay / "terraform.env").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    handed = dict(line.split("=", 1) for line in sides.plan.outputs["manifests"].splitlines() if "=" in line)
    yield from _differences(set(handed), set(said) - {"image"}, "output for the manifests", "line of terraform.env")
    for name in ("region", "vpc_cidr", "records_bucket"):
        if _anonymous(said.get(name, "")) != _anonymous(handed.get(name, "")):
            yield f"{name} is {said.get(name)} in terraform.env and {handed.get(name)} in Terraform"
    settings = sides.settings("upkeep")
    if settings.aws_region != _region(sides):
        yield f"pods believe themselves in {settings.aws_region}"
    cidrs = {one["cidr_block"] for one in sides.all("aws_vpc")}
    blocks = {
        peer["ipBlock"]["cidr"]
        for policy in of_kind(sides.manifests, "NetworkPolicy")
        for rule in [*policy["spec"].get("egress", []), *policy["spec"].get("ingress", [])]
        for peer in [*rule.get("to", []), *rule.get("from", [])]
        if "ipBlock" in peer
    }
    yield from (f"a network policy knows {block}, which is not the network" for block in blocks - cidrs - NOT_OURS)
    bound = {one["spec"]["targetGroupARN"].split("/")[1] for one in of_kind(sides.manifests, "TargetGroupBinding")}
    yield from _differences(
        bound, {one["name"] for one in sides.all("aws_lb_target_group")}, "TargetGroupBinding", "target group"
    )


def names(sides: Sides) -> Iterator[str]:
    """What the pods' settings name is there, and what a bridge or the journal needs in AWS."""
    settings = sides.settings("upkeep")
    needed = [need for bridge in settings.bridges.split(",") for need in BRIDGES[bridge]]
    if settings.journal == "mirrored":
        needed.append(MIRROR)
    for type_name, argument, setting in needed:
        name = str(getattr(settings, setting))
        if _anonymous(name) not in {_anonymous(one[argument]) for one in sides.everywhere(type_name)}:
            yield f"there is no {type_name} {name}, which {setting} names"
    if settings.database_auth == "iam" and not all(
        one["iam_database_authentication_enabled"] for one in sides.all("aws_rds_cluster")
    ):
        yield "pods log in by IAM, and the database does not know it"


def rights(sides: Sides) -> Iterator[str]:
    """Who comes into the cluster by a group has that group's rights there, and no rights are for a group that nobody is in."""
    inside = {group for one in sides.everywhere("aws_eks_access_entry") for group in one["kubernetes_groups"] or []}
    granted = {
        subject["name"]
        for file in (ROOT / "deploy").glob("*/rights.yaml")
        for manifest in yaml.safe_load_all(file.read_text())
        for subject in manifest.get("subjects", [])
        if subject["kind"] == "Group"
    }
    if sides.overlay == "staging":
        granted -= {"payments-failover"}  # there is no other region to go to
    yield from _differences(inside, granted, "group of an access entry", "group with rights in deploy/*/rights.yaml")


def builds(sides: Sides) -> Iterator[str]:
    """What builds run is in the repository, and a rollout applies the overlay of its own cluster."""
    for project in sides.all("aws_codebuild_project"):
        for source in project["source"]:
            if not (ROOT / source["buildspec"]).is_file():
                yield f"{project['name']} runs {source['buildspec']}, which is not there"
        variables = {one["name"]: one["value"] for one in project["environment"][0]["environment_variable"]}
        if "OVERLAY" in variables and variables["OVERLAY"] != sides.overlay:
            yield f"{project['name']} applies {variables['OVERLAY']}"
        clusters = {one["name"] for one in sides.all("aws_eks_cluster")}
        if "CLUSTER" in variables and variables["CLUSTER"] not in clusters:
            yield f"{project['name']} rolls out to {variables['CLUSTER']}"


def runbooks(sides: Sides) -> Iterator[str]:
    """Every alarm leads to a runbook that is there."""
    for alarm in [*sides.all("aws_cloudwatch_metric_alarm"), *sides.all("aws_cloudwatch_composite_alarm")]:
        found = re.search(r"/(deploy/runbooks/\w+\.md)", alarm["alarm_description"] or "")
        if found is None and alarm.get("alarm_actions"):
            yield f"{alarm['alarm_name']} calls somebody and names no runbook"
        elif found and not (ROOT / found[1]).is_file():
            yield f"{alarm['alarm_name']} leads to {found[1]}, which is not there"


AGREEMENTS: list[Agreement] = [service_accounts, secrets, nodes, ports, places, names, rights, builds, runbooks]


def _differences(one: set[Any], other: set[Any], what: str, counterpart: str) -> Iterator[str]:
    yield from (f"{what} {name} has no {counterpart}" for name in sorted(one - other, key=str))
    yield from (f"{counterpart} {name} has no {what}" for name in sorted(other - one, key=str))


def _region(sides: Sides) -> str:
    (cluster,) = sides.all("aws_eks_cluster")
    region: str = cluster["region"]
    return region


def _anonymous(name: str) -> str:
    """Return a name without the account's number: in the repository, that is an example."""
    return re.sub(r"\d{12}", "<account>", name)
