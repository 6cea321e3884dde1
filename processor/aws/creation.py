"""Makes what the program needs in an AWS account and is not there yet. What is there is left as it is."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from botocore.exceptions import ClientError, WaiterError

from processor.aws.clients import aws_client
from processor.aws.errors import ERRORS, Fault, explain, fault_of
from processor.aws.resources import INSTRUCTION_RECEIVES, KINESIS_SHARDS, Queue, Table, queues, tables
from processor.aws.topic_arn import topic_arn
from processor.settings import Settings

_WAIT = {"Delay": 1, "MaxAttempts": 120}
_NOT_CURRENT_DAYS = 90
_UNFINISHED_DAYS = 7
_HOME_REGION = "us-east-1"


class CannotCreate(Exception):
    """Something is missing and cannot be made, or is there in another shape. The message is one line that says what to do."""


class Created(NamedTuple):
    """One thing in the account, and whether it was made just now."""

    title: str
    made: bool


def create_missing(settings: Settings) -> Iterator[Created]:
    """Make one thing after another, and say of each whether it was made. Raises CannotCreate."""
    yield _step(f"Kinesis stream {settings.kinesis_stream}", lambda: _create_stream(settings))
    yield _step(f"SNS topic {settings.sns_topic}", lambda: _create_topic(settings))
    for queue in queues(settings):
        yield _step(f"SQS queue {queue.name}", lambda queue=queue: _create_queue(settings, queue))  # type: ignore[misc]
    yield _step(f"S3 bucket {settings.s3_bucket}", lambda: _create_bucket(settings))
    for table in tables(settings):
        yield _step(f"DynamoDB table {table.name}", lambda table=table: create_table(settings, table))  # type: ignore[misc]


def _step(title: str, create: Callable[[], bool]) -> Created:
    try:
        return Created(title, create())
    except WaiterError as error:
        raise CannotCreate(f"the {title} was made, but is not ready after {_WAIT['MaxAttempts']} s: try again later") from error
    except ERRORS as error:
        raise CannotCreate(explain(error, f"the {title}")) from error


def _is_missing(call: Callable[[], Any]) -> bool:
    """Return whether the call fails because what it is about is not there."""
    try:
        call()
    except ClientError as error:
        if fault_of(error) is Fault.MISSING:
            return True
        raise
    return False


def _create_stream(settings: Settings) -> bool:
    client, name = aws_client(settings, "kinesis"), settings.kinesis_stream
    made = _is_missing(lambda: client.describe_stream_summary(StreamName=name))
    if made:
        client.create_stream(StreamName=name, ShardCount=KINESIS_SHARDS, StreamModeDetails={"StreamMode": "PROVISIONED"})
    client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig=_WAIT)
    return made


def _create_topic(settings: Settings) -> bool:
    client, topic = aws_client(settings, "sns"), settings.sns_topic
    arn = topic_arn(settings)
    if not _is_missing(lambda: client.get_topic_attributes(TopicArn=arn)):
        return False
    name = arn.rpartition(":")[2]
    # Every event has its name for consumers, and this one for a FIFO topic: content is never compared.
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "false"} if name.endswith(".fifo") else {}
    if client.create_topic(Name=name, Attributes=attributes)["TopicArn"] != arn:
        raise CannotCreate(f"the SNS topic {topic} belongs to another account or region: it must be made there")
    return True


def _create_queue(settings: Settings, queue: Queue) -> bool:
    client = aws_client(settings, "sqs")
    if not _is_missing(lambda: client.get_queue_url(QueueName=queue.name)):
        return False
    attributes = {
        "MessageRetentionPeriod": str(queue.retention_seconds),
        "VisibilityTimeout": str(queue.visibility_seconds),
        # Whoever receives waits for messages instead of asking again and again.
        "ReceiveMessageWaitTimeSeconds": "20",
        "SqsManagedSseEnabled": "true",
    }
    if queue.name.endswith(".fifo"):
        attributes["FifoQueue"] = "true"
    if queue.dead_letters:
        url = client.get_queue_url(QueueName=queue.dead_letters)["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": INSTRUCTION_RECEIVES})
    client.create_queue(QueueName=queue.name, Attributes=attributes)
    return True


def _create_bucket(settings: Settings) -> bool:
    client, bucket = aws_client(settings, "s3"), settings.s3_bucket
    made = _is_missing(lambda: client.head_bucket(Bucket=bucket))
    if made:
        elsewhere = settings.aws_region != _HOME_REGION
        place = {"CreateBucketConfiguration": {"LocationConstraint": settings.aws_region}} if elsewhere else {}
        client.create_bucket(Bucket=bucket, **place)
        client.get_waiter("bucket_exists").wait(Bucket=bucket, WaiterConfig=_WAIT)
    # Each by itself, and only what nobody has decided: an earlier run may have been cut off here, an operator may have other wishes.
    if "Status" not in client.get_bucket_versioning(Bucket=bucket):
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    if _is_unset(lambda: client.get_bucket_lifecycle_configuration(Bucket=bucket)):
        rule = {
            "ID": "payments",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": _NOT_CURRENT_DAYS},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UNFINISHED_DAYS},
        }
        client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    if made:
        kinds = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(kinds, True))
    return made


def _is_unset(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchLifecycleConfiguration":
            return True
        raise
    return False


def create_table(settings: Settings, table: Table) -> bool:
    """Make a table unless it is there, and return whether it was made. Raises CannotCreate, and what boto3 raises."""
    client = aws_client(settings, "dynamodb")
    made = _is_missing(lambda: client.describe_table(TableName=table.name))
    if made:
        indexes = [
            {
                "IndexName": index.name,
                "KeySchema": _key_schema(index.hash_key, index.range_key),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in table.indexes
        ]
        client.create_table(
            TableName=table.name,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in table.attributes.items()],
            KeySchema=_key_schema(table.hash_key, table.range_key),
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=table.is_journal,
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        )
    client.get_waiter("table_exists").wait(TableName=table.name, WaiterConfig=_WAIT)
    _check_shape(client.describe_table(TableName=table.name)["Table"], table)
    if table.expiry:
        expiry = client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
        if expiry["TimeToLiveStatus"] == "DISABLED":
            wanted = {"Enabled": True, "AttributeName": table.expiry}
            client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=wanted)
    if made:
        client.update_continuous_backups(
            TableName=table.name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    return made


def _check_shape(found: dict[str, Any], table: Table) -> None:
    keys = {"": found["KeySchema"]} | {
        index["IndexName"]: index["KeySchema"] for index in found.get("GlobalSecondaryIndexes", [])
    }
    wanted = {"": _key_schema(table.hash_key, table.range_key)}
    wanted |= {index.name: _key_schema(index.hash_key, index.range_key) for index in table.indexes}
    types = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in found["AttributeDefinitions"]}
    fits = all(_sorted(keys.get(name, [])) == _sorted(schema) for name, schema in wanted.items())
    if not fits or any(types.get(name) != kind for name, kind in table.attributes.items()):
        raise CannotCreate(
            f"the DynamoDB table {table.name} has other keys or indexes than this program needs: name another one in the settings"
        )


def _key_schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return [*schema, {"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else schema


def _sorted(schema: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((key["KeyType"], key["AttributeName"]) for key in schema)
