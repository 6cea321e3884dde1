"""What is written wrongly is refused: each test breaks a copy in one place, and Terraform, or a check of ours, must say so."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from tests.infra.terraform.boxes import BOXES, found
from tests.infra.terraform.policies import excesses, statements
from tests.infra.terraform.terraform import Terraform


class Break(NamedTuple):
    """Replace `old` by `new` in a file of a module. `says`: what must then be heard."""

    file: str
    old: str
    new: str
    says: str

    @property
    def module(self) -> str:
        return "/".join(self.file.split("/")[:2])


INVALID = {
    "a misspelt argument": Break(
        "modules/api/authorizer.tf", "authorizer_payload_format_version", "authorizer_payload_version", "Unsupported argument"
    ),
    "a missing argument": Break("modules/api/authorizer.tf", 'authorizer_type = "REQUEST"', "", "Missing required argument"),
    "a text for a number": Break(
        "modules/api/authorizer.tf",
        "authorizer_result_ttl_in_seconds = 60",
        'authorizer_result_ttl_in_seconds = "a while"',
        "a number is required",
    ),
    "an attribute that does not exist": Break(
        "modules/detection/key.tf", "aws_kms_key.audit.key_id", "aws_kms_key.audit.identifier", "Unsupported attribute"
    ),
    "a resource that does not exist": Break(
        "modules/detection/key.tf", "aws_kms_key.audit.key_id", "aws_kms_key.other.key_id", "undeclared resource"
    ),
    "a type that does not exist": Break(
        "modules/events/stream.tf", 'resource "aws_kinesis_stream"', 'resource "aws_kinesis_streams"', "Invalid resource type"
    ),
    "a misspelt argument of a nested block": Break(
        "modules/data/dynamodb.tf", "name = attribute.key type", "named = attribute.key\ntype", "Unsupported argument"
    ),
    "a block that does not exist, deep in the firewall": Break(
        "modules/edge/firewall.tf", "scope_down_statement {", "scope_up_statement {", "Unsupported block type"
    ),
}

# As many queues as only AWS will know.
COUNTED = """
resource "aws_sns_topic" "new" {
  name = "new"
}

resource "aws_sqs_queue" "new" {
  for_each = toset([aws_sns_topic.new.arn])

  name = each.key
}
"""

# Valid to Terraform, and worse. `says`: the box that is then missing, or what is then too much.
WORSE = {
    "a queue without its key": Break(
        "modules/events/queues.tf",
        """receive_wait_time_seconds = 20
           kms_master_key_id = var.key_arns["events"]

           redrive_policy = jsonencode({
             deadLetterTargetArn = aws_sqs_queue.dead_letters[local""",
        """redrive_policy = jsonencode({
             deadLetterTargetArn = aws_sqs_queue.dead_letters[local""",
        "SQS: instructions",
    ),
    "backups that can be deleted": Break(
        "modules/operations/backup_vault.tf",
        'resource "aws_backup_vault_lock_configuration" "this" {',
        'resource "aws_backup_vault_lock_configuration" "this" {\n  count = 0\n',
        "AWS Backup: vault lock",
    ),
    "a database whose I/O is paid one by one": Break("modules/data/aurora.tf", '"aurora-iopt1"', '"aurora"', "Aurora PostgreSQL"),
    "tables that cannot be taken back to yesterday": Break(
        "modules/data/dynamodb.tf",
        "point_in_time_recovery { enabled = true",
        "point_in_time_recovery {\nenabled = false",
        "DynamoDB: payments-journal",
    ),
    "keys that are never rotated": Break(
        "modules/security/keys.tf", "enable_key_rotation = true rotation_period_in_days = 365", "", "KMS: data"
    ),
    "all actions": Break(
        "modules/events/policies.tf",
        'Action = ["kinesis:DescribeStreamSummary", "kinesis:PutRecords"]',
        'Action = ["kinesis:*"]',
        "Stream: kinesis:* is many actions",
    ),
    "all resources": Break(
        "modules/events/policies.tf",
        'Resource = aws_sqs_queue.dead_letters["payments-instructions-dlq"].arn }, local.events_key["payments-upkeep"]',
        'Resource = "*"\n}, local.events_key["payments-upkeep"]',
        "BadInstructions: sqs:SendMessage on everything",
    ),
    "everybody's topics": Break(
        "modules/events/queues.tf",
        'Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.notifications.arn } }',
        "",
        "Topic: sns.amazonaws.com in whosever name",
    ),
}


@pytest.mark.parametrize("broken", INVALID.values(), ids=INVALID)
def test_terraform_refuses(own_terraform: Terraform, broken: Break) -> None:
    own_terraform.change(broken.file, broken.old, broken.new)
    assert broken.says in "\n".join(own_terraform.problems(broken.module))


def test_a_plan_cannot_count_what_only_aws_will_know(own_terraform: Terraform) -> None:
    (own_terraform.tree / "environments/staging/new.tf").write_text(COUNTED)
    assert "Invalid for_each argument" in own_terraform.refusal("environments/staging")


@pytest.fixture(scope="module")
def complaints(provider: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is found in production after all of these changes: boxes that are missing, and what is too much."""
    terraform = Terraform.on_copy(tmp_path_factory.mktemp("worse"), provider)
    for broken in WORSE.values():
        terraform.change(broken.file, broken.old, broken.new)
    planned = terraform.planned("environments/production").resources
    missing = [box.name for box in BOXES if "production" in box.environments and not found(box, planned)]
    return "\n".join([*missing, *(excess for statement in statements(planned) for excess in excesses(statement))])


@pytest.mark.parametrize("broken", WORSE.values(), ids=WORSE)
def test_our_checks_refuse(complaints: str, broken: Break) -> None:
    assert broken.says in complaints
