"""What is too much in a policy: every statement that allows something, in whatever resource it stands, is held against a few rules."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.infra.terraform.terraform import Resource

# Several actions at once, where the letters before the star say it all.
PATTERNS = {
    "kms:GenerateDataKey*": "with and without the plain key: what encrypts through a service needs one or the other, and the key is named",
    "kms:ReEncrypt*": "from and to: a service that renews what it has encrypted needs both",
    "iam:Get*": "the pipeline reads all roles to compare them with what is written; it changes its own alone",
    "iam:List*": "as iam:Get*",
    "iam:Tag*": "on what is called payments- alone",
    "iam:Untag*": "on what is called payments- alone",
}
# What an account's own administrators may do with a key. None of it reads or writes what the key protects.
KEY_ADMINISTRATION = {f"kms:{verb}*" for verb in ("Describe", "Disable", "Enable", "Get", "List", "Put", "Revoke", "Update")}

# Actions for which AWS knows no narrower resource than everything.
WITHOUT_RESOURCE = {
    "they look, and have no resource": {
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeInstances",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "iam:Get*",
        "iam:List*",
        "redshift-data:DescribeStatement",
    },
    "they look, in both regions, while one of them is lost": {
        "rds:DescribeDBClusters",
        "rds:DescribeEvents",
        "rds:DescribeGlobalClusters",
    },
    "a trace belongs to nothing": {
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    },
    "a login, and a scan of what is handed over": {"ecr:GetAuthorizationToken", "inspector-scan:ScanSbom"},
    "the account has one of them": {"iam:UpdateAccountPasswordPolicy"},
    "a build within a network makes its interface before it has an ARN": {
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
    },
    "deliveries of a state machine's log have no resource": {
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    },
}
# Actions that a condition narrows down where no resource can.
BY_CONDITION = {"cloudwatch:PutMetricData": "cloudwatch:namespace"}

# Services that act in nobody's name but the resource's that has the role: AWS gives them no condition to be recognised by.
OWN_SERVICES = {"lambda.amazonaws.com", "eks.amazonaws.com", "ec2.amazonaws.com"}
# What makes it impossible for a stranger to be meant by a principal that is wider than one role.
OURS = {
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:RequestTag/eks-cluster-name",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOrgID",
    "kms:EncryptionContext:aws:cloudtrail:arn",
    "kms:EncryptionContext:aws:logs:arn",
    "kms:GrantIsForAWSResource",
    "kms:ViaService",
}
NARROWED = {action for actions in WITHOUT_RESOURCE.values() for action in actions}


class Statement(NamedTuple):
    """One statement that allows something. `type`: of the resource in which it stands."""

    address: str
    type: str
    sid: str
    said: dict[str, Any]

    def _list(self, key: str) -> list[str]:
        value = self.said.get(key, [])
        return value if isinstance(value, list) else [value]

    @property
    def actions(self) -> list[str]:
        return self._list("Action")

    @property
    def resources(self) -> list[str]:
        return self._list("Resource")

    @property
    def principals(self) -> dict[str, list[str]]:
        """Return principals by kind; everybody is {"AWS": ["*"]}."""
        found = self.said.get("Principal", {})
        by_kind = {"AWS": found} if isinstance(found, str) else found
        return {kind: names if isinstance(names, list) else [names] for kind, names in by_kind.items()}

    @property
    def conditions(self) -> set[str]:
        return {key for tests in self.said.get("Condition", {}).values() for key in tests}


def statements(resources: Iterable[Resource]) -> Iterator[Statement]:
    """Yield every statement that allows something, in every policy of all resources."""
    for resource in resources:
        texts = [value for value in resource.values.values() if isinstance(value, str) and '"Statement"' in value]
        for text in texts if resource.mode == "managed" else []:
            found = json.loads(text)["Statement"]
            for said in found if isinstance(found, list) else [found]:
                if said["Effect"] == "Allow":
                    yield Statement(resource.address, resource.type, said.get("Sid", ""), said)


def excesses(statement: Statement) -> list[str]:
    """Return what a statement allows too much of, in words."""
    found = [*_inversions(statement), *_actions(statement)]
    found += _principals(statement) if statement.principals else _resources(statement)
    return [f"{statement.address} {statement.sid}: {excess}" for excess in found]


def _inversions(statement: Statement) -> Iterator[str]:
    yield from (f"{key} allows all that it does not name" for key in statement.said if key.startswith("Not"))


def _actions(statement: Statement) -> Iterator[str]:
    if statement.type == "aws_vpc_endpoint" and statement.conditions & OURS:
        return  # grants nothing: it bounds what may pass
    key_policy = statement.type in ("aws_kms_key", "aws_kms_replica_key")
    for action in statement.actions:
        if "*" in action and action not in PATTERNS and not (key_policy and action in KEY_ADMINISTRATION):
            yield f"{action} is many actions; name those that are needed"


def _resources(statement: Statement) -> Iterator[str]:
    if statement.type == "aws_organizations_policy":
        return  # bounds what others grant
    for action in statement.actions if "*" in statement.resources else []:
        if action not in NARROWED and BY_CONDITION.get(action) not in statement.conditions:
            yield f"{action} on everything; name what it is needed on"
    for resource in statement.resources:
        if resource.count(":") >= 5 and resource.split(":", 5)[4:] in (["*", "*"], ["", "*"]):
            yield f"{resource} is everything of a service"


def _principals(statement: Statement) -> Iterator[str]:
    known = bool(statement.conditions & OURS)
    for kind, names in statement.principals.items():
        for name in names:
            if name == "*" and not known and not _layers_of_images(statement):
                yield "everybody, and no condition says that it must be one of us"
            elif kind == "Service" and name not in OWN_SERVICES and not known and not _rule_to_topic(statement, name):
                yield f"{name} in whosever name it comes"
            elif name.endswith(":root") and not known and not _is_harmless(statement):
                yield f"all of the account {name}"


def _rule_to_topic(statement: Statement, service: str) -> bool:
    """Return whether this lets rules of EventBridge publish to a topic: to an encrypted one they say no account that could be asked for."""
    publishing = {"sns:Publish"} if statement.type == "aws_sns_topic_policy" else {"kms:Decrypt", "kms:GenerateDataKey*"}
    kinds = ("aws_sns_topic_policy", "aws_kms_key")
    return service == "events.amazonaws.com" and statement.type in kinds and set(statement.actions) == publishing


def _is_harmless(statement: Statement) -> bool:
    """Return whether an account as a whole may do this: administer a key, or pull images, which its own roles must be allowed too."""
    return all(
        action in KEY_ADMINISTRATION
        or action.startswith(("ecr:BatchCheck", "ecr:BatchGet", "ecr:GetDownload"))
        or _administers(action)
        for action in statement.actions
    )


def _administers(action: str) -> bool:
    words = ("Create", "Delete", "Cancel", "Schedule", "Replicate", "Tag", "Untag", "Rotate")
    return action.startswith("kms:") and action != "kms:CreateGrant" and action.removeprefix("kms:").startswith(words)


_BUCKETS_OF_LAYERS = ("-starport-layer-bucket/", ":::prod-registry-k8s-io-")


def _layers_of_images(statement: Statement) -> bool:
    """The buckets in which ECR and registry.k8s.io keep the layers of images belong to them; reading them is what pulling an image is."""
    of_layers = all(any(name in resource for name in _BUCKETS_OF_LAYERS) for resource in statement.resources)
    return statement.type == "aws_vpc_endpoint" and statement.actions == ["s3:GetObject"] and of_layers
