"""The consumer of the event stream, inside Lambda's runtime client."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from processor.eventlog.cloud_event import encode_batch
from processor.eventlog.event import AboutBalances, BalancesData, PublishedEvent
from tests.aws import EmulatedAws
from tests.functions.lambda_runtime import LambdaFunction

TABLE = "account-balances"


@pytest.fixture
def queue_url(place: EmulatedAws) -> str:
    """An empty dead-letter queue."""
    return str(place.client("sqs").create_queue(QueueName="consumer-dead-letters")["QueueUrl"])


@pytest.fixture
def consumer(variables: dict[str, str], place: EmulatedAws, queue_url: str) -> Iterator[LambdaFunction]:
    """The function, with an empty table."""
    dynamodb = place.client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "account", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "account", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    function = LambdaFunction("kinesis_consumer", variables | {"BALANCES_TABLE": TABLE, "DEAD_LETTER_QUEUE_URL": queue_url})
    yield function
    function.close()
    if TABLE in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=TABLE)


def event(sequence: int, posted: int | None, account: str = "alice", index: int = 0) -> PublishedEvent:
    """Return an event after which the account has so much."""
    balances = BalancesData(account, "EUR", posted, 0, 0, posted)
    data = AboutBalances("payment", "pay_1", (), (balances,))
    return PublishedEvent(3, sequence, index, 1_700_000_000_000_000, "balances.changed", "pay_1", (account,), data)


def record(content: bytes, number: str = "1") -> dict[str, Any]:
    """Return what Lambda hands over of one Kinesis record."""
    return {
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/payments-events",
        "kinesis": {"sequenceNumber": number, "partitionKey": "shard-3", "data": base64.b64encode(content).decode()},
    }


def records(*batches: Sequence[PublishedEvent]) -> dict[str, Any]:
    """Return a batch of records."""
    return {"Records": [record(encode_batch(batch), str(number)) for number, batch in enumerate(batches, 1)]}


def posted(place: EmulatedAws, account: str = "alice") -> str | None:
    """Return what the table says was posted on the account."""
    found = place.client("dynamodb").get_item(TableName=TABLE, Key={"account": {"S": account}}, ConsistentRead=True)
    value: str | None = found["Item"].get("posted", {}).get("N")
    return value


def dead_letters(place: EmulatedAws, queue_url: str) -> list[tuple[str, str]]:
    """Take (reason, content) of all that was put aside."""
    taken = place.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return [(message["MessageAttributes"]["reason"]["StringValue"], message["Body"]) for message in taken.get("Messages", [])]


def test_the_newest_balances_stay_whatever_is_repeated_or_late(place: EmulatedAws, consumer: LambdaFunction) -> None:
    first, second = [event(9, 10), event(9, 20, index=11)], [event(10, 30), event(11, 2**60, "bob"), event(12, None, "carol")]
    assert consumer.invoke(records(first, second)) == {"batchItemFailures": []}
    assert (posted(place), posted(place, "bob"), posted(place, "carol")) == ("30", str(2**60), None)
    assert consumer.invoke(records(second, first)) == {"batchItemFailures": []}
    assert consumer.invoke(records([event(9, 20, index=11)], [event(10, 29, index=1)])) == {"batchItemFailures": []}
    assert (posted(place), posted(place, "bob")) == ("29", str(2**60))


def test_what_cannot_be_read_is_put_aside_and_the_rest_is_not(
    place: EmulatedAws, consumer: LambdaFunction, queue_url: str
) -> None:
    good = json.loads(encode_batch([event(1, 7)]))
    future, broken = {**good[0], "specversion": "2.0"}, {**good[0], "id": "x"}
    contents = [b"\xff\xfe", b'{"not": "an array"}', json.dumps([future, *good, broken, 5]).encode()]
    batch = {"Records": [record(content, str(number)) for number, content in enumerate(contents)]}
    assert consumer.invoke(batch) == {"batchItemFailures": []}
    assert posted(place) == "7"
    aside = dead_letters(place, queue_url)
    assert len(aside) == 5
    assert json.dumps(future) in [content for _, content in aside]
    assert any("version '2.0' of CloudEvents is not known" in reason for reason, _ in aside)


def test_a_failure_to_write_names_the_record_from_which_lambda_goes_on(place: EmulatedAws, consumer: LambdaFunction) -> None:
    consumer.invoke(records([event(1, 1)]))
    place.client("dynamodb").delete_table(TableName=TABLE)
    batch = {
        "Records": [record(b"[]", "41"), record(encode_batch([event(2, 2)]), "42"), record(encode_batch([event(3, 3)]), "43")]
    }
    assert consumer.invoke(batch) == {"batchItemFailures": [{"itemIdentifier": "42"}]}
