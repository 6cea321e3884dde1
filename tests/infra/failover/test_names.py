"""The failover names what Terraform and the manifests make: what both state must be the same."""

import re
from pathlib import Path

import msgspec
import pytest

from deploy.failover.lag import LAG_QUERY
from deploy.failover.landscape import Landscape, Region, Switch, read_landscape

TOP = Path(__file__).parents[3]
MODULES = TOP / "terraform" / "modules"
LANDSCAPE = read_landscape(TOP / "deploy" / "failover" / "production.toml")


def text(*parts: str) -> str:
    return TOP.joinpath(*parts).read_text()


def value(name: str, within: str) -> str:
    """Return what an argument is given, where it is given first."""
    found = re.search(rf"^\s*{name}\s*= (.+)$", within, re.MULTILINE)
    assert found, f"{name} is not given"
    return found[1]


def sizes(environment: str) -> dict[str, int]:
    """Return an environment's node groups by their names in Kubernetes, with the nodes of each."""
    groups = dict(
        re.findall(r"(head|ingress|shard_hosts)\s*= \{ instance_type = \"[^\"]+\", nodes(?:_per_zone)? = (\d+) \}", environment)
    )
    found = {"head": int(groups["head"]), "ingress": int(groups["ingress"])}
    return found | {f"shard-hosts-{zone}": int(groups["shard_hosts"]) for zone in (1, 2, 3)}


def wrong(landscape: Landscape) -> list[str]:
    """Return what a landscape says otherwise than Terraform and the manifests."""
    production = text("terraform", "environments", "production", "main.tf")
    standby = text("terraform", "environments", "production-standby", "main.tf")
    manifests = dict(
        line.split("=", 1)
        for line in text("deploy", "kuberay", "overlays", "production", "settings.env").splitlines()
        if "=" in line
    )
    name, standby_name = "payments-production", "payments-standby"
    assert f'name   = "{name}"' in production and f'"{standby_name}"' in standby
    nodes = sizes(production)
    expected = Landscape(
        account_id=value("account_id", text("terraform", "environments", "production", "terraform.tfvars")).strip('"'),
        journal=manifests["PAYMENTS_JOURNAL"],  # type: ignore[arg-type]
        journal_table="payments-journal",
        shards=int(manifests["PAYMENTS_SHARDS"]),
        global_cluster=f"{name}-ledger",
        switch=Switch("eu-central-1", "eu-west-1", f"{name}-failover-switch", name),
        old=_region("eu-central-1", name, nodes),
        # On the day the standby gets what production has.
        new=_region("eu-west-1", standby_name, nodes),
    )
    is_, should = msgspec.to_builtins(landscape), msgspec.to_builtins(expected)
    return [key for key in should if is_[key] != should[key]]


def _region(region: str, name: str, nodes: dict[str, int]) -> Region:
    groups = {f"{name}-{group}": count for group, count in nodes.items()}
    return Region(region, f"{name}-ledger", name, f"{name}-shard-host", groups)


def test_the_landscape_is_the_one_that_terraform_makes() -> None:
    assert wrong(LANDSCAPE) == []


@pytest.mark.parametrize("key, other", [("shards", 12), ("journal", "postgres"), ("global_cluster", "payments-ledger")])
def test_another_name_is_noticed(key: str, other: object) -> None:
    assert wrong(msgspec.structs.replace(LANDSCAPE, **{key: other})) == [key]


def test_the_modules_build_names_in_this_way() -> None:
    assert value("global_cluster_identifier", _block("data/aurora.tf", "aws_rds_global_cluster")) == '"${var.name}-ledger"'
    assert value("cluster_identifier", _block("data/aurora.tf", "aws_rds_cluster")) == '"${var.name}-ledger"'
    assert value("name", _block("processing/eks.tf", "aws_eks_cluster")) == "var.name"
    assert value("node_group_name", _block("processing/nodes.tf", "aws_eks_node_group")) == '"${var.name}-${each.key}"'
    assert value("name", _block("processing/pod_identity.tf", "aws_iam_role")) == '"${var.name}-${each.key}"'
    assert value("alarm_name", _block("edge/failover.tf", "aws_cloudwatch_metric_alarm")) == '"${var.name}-failover-switch"'
    switch = (MODULES / "edge" / "failover.tf").read_text()
    traffic = text("deploy", "failover", "traffic.py")
    for word in ("payments/failover", "primary_withdrawn"):
        assert f'"{word}"' in switch and f'"{word}"' in traffic


def _block(file: str, kind: str) -> str:
    whole = (MODULES / file).read_text()
    start = whole.index(f'resource "{kind}"')
    return whole[start : whole.index("\n}\n", start)]


def test_the_lag_is_the_one_that_the_alarm_looks_at() -> None:
    assert LAG_QUERY.replace('"', '\\"') in (MODULES / "operations" / "alarms_events.tf").read_text()
