"""What the program needs in an AWS account: made once, left alone after that, and refused if it has another shape."""

import json

import pytest
from botocore.exceptions import ClientError

from processor.aws.clients import aws_client
from processor.aws.creation import CannotCreate, create_missing
from tests.aws import EmulatedAws


def test_everything_is_made_once(aws: EmulatedAws) -> None:
    settings = aws.settings()
    first, second = list(create_missing(settings)), list(create_missing(settings))
    assert [created.made for created in first] == [True] * 8
    assert [created.made for created in second] == [False] * 8
    assert [created.title for created in first] == [created.title for created in second]
    assert first[0].title == f"Kinesis stream {settings.kinesis_stream}"


def test_what_is_made_keeps_and_gives_up_data_as_it_should(aws: EmulatedAws) -> None:
    settings = aws.created()
    sqs, s3, dynamodb = aws.client("sqs"), aws.client("s3"), aws.client("dynamodb")
    url = sqs.get_queue_url(QueueName=settings.sqs_instruction_queue)["QueueUrl"]
    redrive = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{settings.sqs_instruction_dead_letter_queue}")
    assert s3.get_bucket_versioning(Bucket=settings.s3_bucket)["Status"] == "Enabled"
    expiry = dynamodb.describe_time_to_live(TableName=settings.dynamodb_transactions_table)["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    with pytest.raises(ClientError, match=r"[Dd]elet"):
        dynamodb.delete_table(TableName=settings.dynamodb_journal_table)


def test_what_an_operator_has_decided_is_left_as_it_is(aws: EmulatedAws) -> None:
    settings = aws.settings()
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=settings.s3_bucket)
    s3.put_bucket_versioning(Bucket=settings.s3_bucket, VersioningConfiguration={"Status": "Suspended"})
    assert f"S3 bucket {settings.s3_bucket}" in {created.title for created in create_missing(settings) if not created.made}
    assert s3.get_bucket_versioning(Bucket=settings.s3_bucket)["Status"] == "Suspended"


def test_a_table_with_other_keys_is_refused(aws: EmulatedAws) -> None:
    settings = aws.settings()
    aws.client("dynamodb").create_table(
        TableName=settings.dynamodb_transactions_table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(CannotCreate, match=f"table {settings.dynamodb_transactions_table} has other keys or indexes"):
        list(create_missing(settings))


def test_an_ordered_topic_and_one_by_its_arn_are_made(aws: EmulatedAws) -> None:
    name = aws.settings().sns_topic + ".fifo"
    made = {created.title: created.made for created in create_missing(aws.settings(sns_topic=name))}
    assert made[f"SNS topic {name}"]
    arn = f"arn:aws:sns:us-east-1:000000000000:{name}"
    assert aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["FifoTopic"] == "true"
    again = {created.title: created.made for created in create_missing(aws.settings(sns_topic=arn))}
    assert not again[f"SNS topic {arn}"]


def test_a_topic_of_another_account_is_not_made_in_ours(aws: EmulatedAws) -> None:
    arn = "arn:aws:sns:us-east-1:123456789012:payments-elsewhere"
    with pytest.raises(CannotCreate, match="belongs to another account or region"):
        list(create_missing(aws.settings(sns_topic=arn)))


def test_state_survives_a_stop(own_aws: EmulatedAws) -> None:
    settings = own_aws.created()
    aws_client(settings, "kinesis").put_record(StreamName=settings.kinesis_stream, Data=b"kept", PartitionKey="1")
    own_aws.emulator.stop()
    with pytest.raises(CannotCreate, match="cannot be reached"):
        list(create_missing(settings))
    own_aws.emulator.start()
    assert not any(created.made for created in create_missing(settings))
