"""Terraform, the manifests and the settings agree; where one of them is changed alone, it is noticed."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.infra.agreements import (
    AGREEMENTS,
    Agreement,
    Sides,
    builds,
    names,
    nodes,
    places,
    ports,
    rights,
    runbooks,
    secrets,
    service_accounts,
)
from tests.infra.conftest import Estate
from tests.infra.kuberay.manifests import groups, manifests, named, of_kind, pods

ENVIRONMENTS = {"staging": "staging", "production": "production", "standby": "production-standby"}


def sides_of(estate: Estate, overlay: str) -> Sides:
    """Return both sides of an overlay; they may be changed."""
    primary = "production" if overlay == "standby" else overlay
    return Sides(overlay, deepcopy(estate(ENVIRONMENTS[overlay])), estate(primary), manifests(overlay))


@pytest.mark.parametrize("overlay", ENVIRONMENTS)
@pytest.mark.parametrize("agreement", AGREEMENTS, ids=lambda agreement: agreement.__name__)
def test_both_sides_agree(estate: Estate, agreement: Agreement, overlay: str) -> None:
    assert list(agreement(sides_of(estate, overlay))) == []


def planned(sides: Sides, type_name: str, argument: str, value: object) -> None:
    """Change an argument of all resources of a type."""
    found = sides.all(type_name)
    assert found
    for values in found:
        values[argument] = value


def another_role(sides: Sides) -> None:
    planned(sides, "aws_eks_pod_identity_association", "service_account", "payments-host")


def a_pod_of_another_account(sides: Sides) -> None:
    pods(groups(sides.manifests)["upkeep"])["serviceAccountName"] = "default"


def a_secret_that_is_not_there(sides: Sides) -> None:
    of_kind(sides.manifests, "ExternalSecret")[0]["spec"]["data"][0]["remoteRef"]["key"] = "payments/postgres"


def a_secret_that_nobody_fetches(sides: Sides) -> None:
    sides.manifests.remove(named(sides.manifests, "ExternalSecret", "payments-ray-token"))


def secrets_of_another_region(sides: Sides) -> None:
    of_kind(sides.manifests, "SecretStore")[0]["spec"]["provider"]["aws"]["region"] = "us-east-1"


def nodes_with_another_label(sides: Sides) -> None:
    planned(sides, "aws_eks_node_group", "labels", {"payments/group": "workers"})


def nodes_without_their_taint(sides: Sides) -> None:
    planned(sides, "aws_eks_node_group", "taint", [])


def nodes_with_another_taint(sides: Sides) -> None:
    planned(sides, "aws_eks_node_group", "taint", [{"key": "dedicated", "value": "payments", "effect": "NO_SCHEDULE"}])


def another_port_at_the_load_balancer(sides: Sides) -> None:
    planned(sides, "aws_lb_target_group", "port", 8080)


def a_firewall_without_the_port(sides: Sides) -> None:
    planned(sides, "aws_vpc_security_group_ingress_rule", "from_port", 80)


def another_check(sides: Sides) -> None:
    planned(sides, "aws_lb_target_group", "health_check", [{"path": "/health"}])


def pods_that_may_not_reach_the_database(sides: Sides) -> None:
    sides.manifests.remove(named(sides.manifests, "NetworkPolicy", "database"))


def another_network(sides: Sides) -> None:
    planned(sides, "aws_vpc", "cidr_block", "10.99.0.0/16")


def another_target_group(sides: Sides) -> None:
    planned(sides, "aws_lb_target_group", "name", "payments-api")


def an_output_that_is_missing(sides: Sides) -> None:
    sides.plan.outputs["manifests"] = sides.plan.outputs["manifests"].replace("redis_address=", "redis=")


def another_region(sides: Sides) -> None:
    planned(sides, "aws_eks_cluster", "region", "us-east-1")


def another_stream(sides: Sides) -> None:
    planned(sides, "aws_kinesis_stream", "name", "events")
    for resource in sides.primary.resources:
        if resource.type == "aws_kinesis_stream":
            resource.values["name"] = "events"


def a_database_without_iam(sides: Sides) -> None:
    planned(sides, "aws_rds_cluster", "iam_database_authentication_enabled", False)


def a_group_without_rights(sides: Sides) -> None:
    sides.all("aws_eks_access_entry")[0]["kubernetes_groups"] = ["payments-admins"]


def a_buildspec_that_is_not_there(sides: Sides) -> None:
    sides.all("aws_codebuild_project")[0]["source"][0]["buildspec"] = "deploy/delivery/roll_out.yml"


def the_overlay_of_another_cluster(sides: Sides) -> None:
    sides.all("aws_codebuild_project")[0]["environment"][0]["environment_variable"] = [{"name": "OVERLAY", "value": "standby"}]


def an_alarm_without_a_page(sides: Sides) -> None:
    planned(sides, "aws_cloudwatch_metric_alarm", "alarm_description", "See https://example/deploy/runbooks/PaymentsLost.md")


@pytest.mark.parametrize(
    ("change", "agreement"),
    [
        (another_role, service_accounts),
        (a_pod_of_another_account, service_accounts),
        (a_secret_that_is_not_there, secrets),
        (a_secret_that_nobody_fetches, secrets),
        (secrets_of_another_region, secrets),
        (nodes_with_another_label, nodes),
        (nodes_without_their_taint, nodes),
        (nodes_with_another_taint, nodes),
        (another_port_at_the_load_balancer, ports),
        (a_firewall_without_the_port, ports),
        (another_check, ports),
        (pods_that_may_not_reach_the_database, ports),
        (another_network, places),
        (another_target_group, places),
        (an_output_that_is_missing, places),
        (another_region, places),
        (another_stream, names),
        (a_database_without_iam, names),
        (a_group_without_rights, rights),
        (a_buildspec_that_is_not_there, builds),
        (the_overlay_of_another_cluster, builds),
        (an_alarm_without_a_page, runbooks),
    ],
    ids=lambda function: function.__name__,
)
def test_a_change_on_one_side_is_noticed(estate: Estate, change: Callable[[Sides], None], agreement: Agreement) -> None:
    sides = sides_of(estate, "production")._replace(primary=deepcopy(estate("production")))
    change(sides)
    assert list(agreement(sides)) != []
