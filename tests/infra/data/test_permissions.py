"""Pods may make exactly the calls that the program makes: no call is refused, no right is left over."""

import re
from collections.abc import Iterable
from pathlib import Path

from tests.infra.data.evaluating import MODULES, TOP

PROCESSOR = TOP / "processor"

# Calls by boto3's names, and what AWS calls the right to make them. None: nobody needs a right for it.
RIGHTS: dict[str, set[str]] = {
    "batch_execute_statement": {"dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"},
    "batch_get_item": {"dynamodb:BatchGetItem"},
    "batch_write_item": {"dynamodb:BatchWriteItem"},
    "change_message_visibility_batch": {"sqs:ChangeMessageVisibility"},
    "delete_item": {"dynamodb:DeleteItem"},
    "delete_message_batch": {"sqs:DeleteMessage"},
    "describe_stream_summary": {"kinesis:DescribeStreamSummary"},
    "describe_table": {"dynamodb:DescribeTable"},
    "get_item": {"dynamodb:GetItem"},
    "get_object": {"s3:GetObject"},
    "get_queue_attributes": {"sqs:GetQueueAttributes"},
    "get_queue_url": {"sqs:GetQueueUrl"},
    "get_topic_attributes": {"sns:GetTopicAttributes"},
    "head_bucket": {"s3:ListBucket"},
    "head_object": {"s3:GetObject"},
    "list_objects_v2": {"s3:ListBucket"},
    "publish_batch": {"sns:Publish"},
    "put_item": {"dynamodb:PutItem"},
    "put_object": {"s3:PutObject"},
    "put_records": {"kinesis:PutRecords"},
    "query": {"dynamodb:Query"},
    "receive_message": {"sqs:ReceiveMessage"},
    "send_message_batch": {"sqs:SendMessage"},
    # A transaction is allowed by those of its parts.
    "transact_write_items": {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"},
    "update_item": {"dynamodb:UpdateItem"},
}
# Not calls of boto3: the database's login, and what KMS does for the services.
BESIDES = {"rds-db:connect", "kms:Decrypt", "kms:GenerateDataKey"}
# What runs in pods. The checks and the reader of the table of payments are for people and other services, with rights of their own.
IN_PODS = [
    "journal/dynamodb/*.py",
    "bridges/kinesis/*.py",
    "bridges/sns/*.py",
    "bridges/queues/*.py",
    "bridges/instructions/*.py",
    "bridges/s3/bucket.py",
    "bridges/dynamodb/sink.py",
]


def calls(source: str) -> set[str]:
    """Return the operations that a text calls: by name, as all calls go through threads."""
    return set(re.findall(r'(?:call|write|read|_for_all)\(\s*"(\w+)"', source))


def granted(policies: Iterable[str]) -> set[str]:
    return set(re.findall(r'"((?:dynamodb|kinesis|kms|rds-db|s3|sns|sqs):\w+)"', "\n".join(policies))) - {"kms:ViaService"}


def sources() -> str:
    return "\n".join(path.read_text() for pattern in IN_PODS for path in sorted(PROCESSOR.glob(pattern)))


def policies() -> list[str]:
    return [MODULES.joinpath(module, "policies.tf").read_text() for module in ("data", "events")]


def needed(source: str) -> set[str]:
    unknown = calls(source) - RIGHTS.keys()
    assert not unknown, f"say which rights these calls need, and grant them in terraform: {unknown}"
    return set.union(BESIDES, *(RIGHTS[call] for call in calls(source)))


def test_every_call_is_allowed_and_no_right_is_left_over() -> None:
    assert granted(policies()) == needed(sources())


def test_a_right_too_few_or_too_many_is_noticed() -> None:
    fewer = [text.replace('"sqs:ChangeMessageVisibility", ', "") for text in policies()]
    assert needed(sources()) - granted(fewer) == {"sqs:ChangeMessageVisibility"}
    more = [*policies(), 'Action = "s3:DeleteObject"']
    assert granted(more) - needed(sources()) == {"s3:DeleteObject"}


def variables_read(handler: Path) -> set[str]:
    return set(re.findall(r'os\.environ(?:\.get\(|\[)"([A-Z_]+)"', handler.read_text()))


def test_functions_get_the_variables_that_they_read() -> None:
    text = MODULES.joinpath("events", "functions.tf").read_text()
    handlers = sorted((TOP / "terraform" / "functions").glob("*/handler.py"))
    assert len(handlers) == 3
    for handler in handlers:
        function = re.search(rf"^    {handler.parent.name} = \{{$.*?^    \}}$", text, re.MULTILINE | re.DOTALL)
        assert function is not None, f"{handler.parent.name} is not deployed"
        given = set(re.findall(r"^        ([A-Z_]+)\s+=", function[0], re.MULTILINE))
        # The keys of tokens are where the issuer has them: the variable is for tests.
        assert given == variables_read(handler) - {"TOKEN_KEYS_URL"}, handler.parent.name
