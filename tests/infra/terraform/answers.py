"""What the schema-only provider answers where AWS would: some data sources with sense, and invented values for what AWS would assign."""

import itertools
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

# A value as Terraform sends it; a block is a dictionary, a list of blocks a list of them.
Value = Any
# Arguments whose value is what AWS also takes for the resource's id, or puts into its ARN.
NAMES = (
    "name",
    "bucket",
    "function_name",
    "identifier",
    "cluster_identifier",
    "global_cluster_identifier",
    "replication_group_id",
    "domain",
)
# Values whose form a configuration relies on, so that it can tell a wrong one.
FORMS = {
    (
        "aws_iam_service_linked_role",
        "arn",
    ): "arn:aws:iam::{account}:role/aws-service-role/{aws_service_name}/AWSServiceRoleForAutoScaling",
    ("aws_lb", "arn_suffix"): "app/{name}/50dc6c495c0c9188",
    ("aws_lb_target_group", "arn_suffix"): "targetgroup/{name}/73e2d6bc24d8a067",
    ("aws_s3_bucket", "arn"): "arn:aws:s3:::{bucket}",
}

_numbers = itertools.count(1)


class Place(NamedTuple):
    """Where everything is created."""

    account: str
    region: str

    def arn(self, type_name: str, values: Mapping[str, Value]) -> str:
        """Return an ARN that says what it is of; its form is AWS's, its words are those of Terraform."""
        _, service, *kind = type_name.split("_")
        name = named(values) or f"invented-{next(_numbers)}"
        region = "" if service in ("iam", "cloudfront", "route53") else self.region
        return f"arn:aws:{service}:{region}:{self.account}:{'-'.join(kind)}/{name}"


def named(values: Mapping[str, Value]) -> str | None:
    """Return the name that the arguments give to a resource."""
    return next((values[name] for name in NAMES if isinstance(values.get(name), str)), None)


def invented(argument: str, kind: Value, type_name: str, values: Mapping[str, Value], place: Place) -> Value:
    """Return a value for a computed attribute."""
    if form := FORMS.get((type_name, argument)):
        return form.format_map(dict(values) | place._asdict())
    if kind == "string":
        if argument == "arn" or argument.endswith("_arn"):
            return place.arn(type_name, values)
        if argument in ("region", "account_id"):
            return place.region if argument == "region" else place.account
        return (named(values) if argument == "id" else None) or f"invented-{os.urandom(4).hex()}"
    if isinstance(kind, list):
        return {} if kind[0] == "map" else []
    return {"number": 0, "bool": False}.get(kind)


def data(type_name: str, values: Mapping[str, Value], place: Place) -> dict[str, Value]:
    """Return what is known about a data source's answer; the rest is invented."""
    match type_name:
        case "aws_caller_identity":
            return {"account_id": place.account, "id": place.account, "arn": f"arn:aws:iam::{place.account}:role/terraform"}
        case "aws_region":
            return {"region": place.region, "name": place.region, "id": place.region}
        case "aws_partition":
            return {"partition": "aws", "dns_suffix": "amazonaws.com", "reverse_dns_prefix": "com.amazonaws", "id": "aws"}
        case "aws_availability_zones":
            return {"names": [place.region + letter for letter in "abc"], "id": place.region}
        case "aws_iam_policy_document":
            document = policy_document(values)
            return {"json": json.dumps(document, indent=2), "minified_json": json.dumps(document), "id": "policy"}
        case _:
            return {}


def policy_document(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the policy that an `aws_iam_policy_document` stands for, as the real provider renders it."""
    inherited = [
        statement
        for source in ("source_policy_documents", "override_policy_documents")
        for text in values.get(source) or []
        for statement in statements(json.loads(text))
    ]
    return {"Version": "2012-10-17", "Statement": [*inherited, *map(_statement, values.get("statement") or [])]}


def statements(policy: Mapping[str, Value]) -> list[dict[str, Value]]:
    """Return a policy's statements; one alone may stand there without a list around it."""
    found = policy.get("Statement", [])
    return found if isinstance(found, list) else [found]


def _statement(block: Mapping[str, Value]) -> dict[str, Value]:
    rendered: dict[str, Value] = {"Effect": block.get("effect") or "Allow"}
    if block.get("sid"):
        rendered["Sid"] = block["sid"]
    for argument, key in (
        ("actions", "Action"),
        ("not_actions", "NotAction"),
        ("resources", "Resource"),
        ("not_resources", "NotResource"),
    ):
        if block.get(argument):
            rendered[key] = sorted(block[argument])
    for argument, key in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if block.get(argument):
            by_type: dict[str, list[str]] = {}
            for principal in block[argument]:
                by_type.setdefault(principal["type"], []).extend(principal["identifiers"])
            rendered[key] = "*" if by_type == {"*": ["*"]} else by_type
    for condition in block.get("condition") or []:
        tested = rendered.setdefault("Condition", {}).setdefault(condition["test"], {})
        tested.setdefault(condition["variable"], []).extend(condition["values"])
    return rendered
