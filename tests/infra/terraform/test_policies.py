"""Nobody may do more than they need: no statement of any policy in any environment allows too much."""

from typing import Any

import pytest

from tests.infra.conftest import Estate
from tests.infra.terraform import policies
from tests.infra.terraform.policies import Statement, excesses, statements

ENVIRONMENTS = ["organization", "security", "shared", "staging", "production", "production-standby"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_statement_allows_too_much(estate: Estate, environment: str) -> None:
    found = list(statements(estate(environment).resources))
    assert [excess for statement in found for excess in excesses(statement)] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_policy_can_be_read_in_the_plan(estate: Estate, environment: str) -> None:
    types = (
        "aws_iam_role_policy",
        "aws_iam_policy",
        "aws_kms_key",
        "aws_s3_bucket_policy",
        "aws_sqs_queue_policy",
        "aws_sns_topic_policy",
    )
    policies_of = [
        resource for resource in estate(environment).resources if resource.mode == "managed" and resource.type in types
    ]
    assert [resource.address for resource in policies_of if '"Statement"' not in (resource.values.get("policy") or "")] == []


def test_only_the_pipelines_roles_have_broad_policies_of_aws(estate: Estate) -> None:
    """What deploys everything needs leave for everything, and what plans it must read everything; who may take these roles, and what
    they may never do, stands beside them."""
    attached = [
        (resource.values["policy_arn"].rpartition("/")[2], resource.values["role"])
        for environment in ENVIRONMENTS
        for resource in estate(environment).resources
        if resource.type == "aws_iam_role_policy_attachment"
    ]
    broad = {
        (policy, role)
        for policy, role in attached
        if policy.endswith(("FullAccess", "AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess"))
    }
    assert broad == {("PowerUserAccess", "payments-deploy"), ("ReadOnlyAccess", "payments-plan")}


def test_each_exception_is_still_needed(estate: Estate) -> None:
    everywhere = [statement for environment in ENVIRONMENTS for statement in statements(estate(environment).resources)]
    actions = {action for statement in everywhere for action in statement.actions}
    on_everything = {action for statement in everywhere if "*" in statement.resources for action in statement.actions}
    assert policies.PATTERNS.keys() - actions == set()
    assert policies.NARROWED - on_everything == set()
    assert policies.BY_CONDITION.keys() - on_everything == set()


@pytest.mark.parametrize(
    ("type_name", "said", "excess"),
    [
        ("aws_iam_role_policy", {"Action": "*", "Resource": "arn:aws:s3:::payments"}, "many actions"),
        ("aws_iam_role_policy", {"Action": ["sqs:*"], "Resource": "arn:aws:sqs:eu-central-1:1:payments"}, "many actions"),
        ("aws_iam_role_policy", {"Action": ["sqs:SendMessage"], "Resource": "*"}, "on everything"),
        ("aws_iam_role_policy", {"Action": ["cloudwatch:PutMetricData"], "Resource": "*"}, "on everything"),
        ("aws_iam_role_policy", {"NotAction": ["iam:PassRole"], "Resource": "arn:aws:s3:::payments"}, "does not name"),
        ("aws_iam_role_policy", {"Action": ["sqs:SendMessage"], "Resource": "arn:aws:sqs:*:*:*"}, "everything of a service"),
        ("aws_sqs_queue_policy", {"Action": ["sqs:SendMessage"], "Principal": "*", "Resource": "q"}, "everybody"),
        ("aws_sqs_queue_policy", {"Action": ["sqs:SendMessage"], "Principal": {"AWS": "*"}, "Resource": "q"}, "everybody"),
        ("aws_sqs_queue_policy", {"Action": ["sqs:SendMessage"], "Principal": {"Service": "sns.amazonaws.com"}}, "whosever name"),
        (
            "aws_sqs_queue_policy",
            {"Action": ["sqs:SendMessage"], "Principal": {"Service": "events.amazonaws.com"}},
            "whosever name",
        ),
        ("aws_iam_role", {"Action": ["sts:AssumeRole"], "Principal": {"AWS": "arn:aws:iam::1:root"}}, "all of the account"),
        ("aws_kms_key", {"Action": ["kms:*"], "Principal": {"AWS": "arn:aws:iam::1:root"}, "Resource": "*"}, "many actions"),
        (
            "aws_kms_key",
            {"Action": ["kms:Decrypt"], "Principal": {"AWS": "arn:aws:iam::1:root"}, "Resource": "*"},
            "all of the account",
        ),
        ("aws_vpc_endpoint", {"Action": ["s3:*"], "Principal": "*", "Resource": "*"}, "many actions"),
    ],
)
def test_too_much_is_found(type_name: str, said: dict[str, Any], excess: str) -> None:
    assert any(excess in found for found in excesses(Statement("here", type_name, "", {"Effect": "Allow", **said})))
