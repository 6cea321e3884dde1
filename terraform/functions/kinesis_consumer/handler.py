"""Lambda behind the Kinesis stream: keeps the newest balances of every account in a DynamoDB table.

A record holds a JSON array of CloudEvents, all of one ledger shard, in order. What arrives twice, or late, changes nothing: an account's
item is only replaced by that of a later event. So a batch may be repeated, and the event source may run several batches of one Kinesis
shard at once.

A record, or an event in it, that cannot be read will never be: it goes to the dead-letter queue with the reason. What fails for
another reason is reported as a partial batch failure, and Lambda goes on from the first record that failed
(https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html).

Variables: BALANCES_TABLE (key `account`), DEAD_LETTER_QUEUE_URL.
"""

import base64
import json
import logging
import os
from functools import cache

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger()
logger.setLevel(logging.INFO)

KNOWN_VERSION = "1.0"
BALANCES = ("posted", "pending_in", "pending_out", "available")
MESSAGE_BYTES_MAX = 200_000
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})


class Unreadable(Exception):
    """Something is not what the stream should hold. The message says why."""


def handler(event, context):
    """Take one batch of Kinesis records; return which of them are to be delivered again."""
    written = 0
    for record in event["Records"]:
        number = record["kinesis"]["sequenceNumber"]
        try:
            for item in newest_balances(record).values():
                written += write(item)
        except (BotoCoreError, ClientError):
            logger.exception("record %s is to be delivered again", number)
            # All after it are delivered again too: Kinesis has one position for each shard.
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    logger.info("%d records, %d balances written", len(event["Records"]), written)
    return {"batchItemFailures": []}


def newest_balances(record):
    """Return, by account, the item that the last of the record's events about it makes. What cannot be read is put aside."""
    found = {}
    data = record["kinesis"]["data"]
    try:
        events = events_of(data)
    except Unreadable as error:
        put_aside(record, data, str(error))
        return found
    for event in events:
        try:
            found |= {item["account"]["S"]: item for item in items_of(event)}
        except Unreadable as error:
            put_aside(record, json.dumps(event), str(error))
    return found


def events_of(data):
    """Return what stands in the array of a record's base64 text. Raises Unreadable."""
    try:
        events = json.loads(base64.b64decode(data, validate=True))
    except ValueError as error:
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(events, list):
        raise Unreadable("not an array of events")
    return events


def items_of(event):
    """Return the items of the accounts whose balances the event tells. Raises Unreadable."""
    try:
        if event["specversion"] != KNOWN_VERSION:
            raise Unreadable(f"version {event['specversion']!r} of CloudEvents is not known")
        shard, sequence, index = (int(part) for part in event["id"].split(":"))
        return [
            {
                "account": {"S": balances["account"]},
                "currency": {"S": balances["currency"]},
                "shard": {"N": str(shard)},
                "position": {"S": f"{sequence:020d}:{index:07d}"},
                "at": {"S": event["time"]},
            }
            | {name: {"N": str(int(balances[name]))} for name in BALANCES if balances[name] is not None}
            for balances in event["data"].get("balances", ())
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"the event does not have what its type must have: {error!r}") from error


def write(item):
    """Replace an account's item unless it is of a later event; return whether it was replaced."""
    try:
        client("dynamodb").put_item(
            TableName=os.environ["BALANCES_TABLE"],
            Item=item,
            ConditionExpression="attribute_not_exists(account) OR #position < :position",
            ExpressionAttributeNames={"#position": "position"},
            ExpressionAttributeValues={":position": item["position"]},
        )
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        return False
    return True


def put_aside(record, content, reason):
    """Send a record, or one of its events, to the dead-letter queue."""
    number = record["kinesis"]["sequenceNumber"]
    logger.error("of record %s something goes to the dead-letter queue: %s", number, reason)
    client("sqs").send_message(
        QueueUrl=os.environ["DEAD_LETTER_QUEUE_URL"],
        MessageBody=content[:MESSAGE_BYTES_MAX] or "-",
        MessageAttributes={
            "reason": {"DataType": "String", "StringValue": reason[:1_000]},
            "source": {"DataType": "String", "StringValue": record.get("eventSourceARN", "kinesis")},
            "sequence_number": {"DataType": "String", "StringValue": number},
        },
    )


@cache
def client(service):
    """Return a client, made at its first use and kept while the function stays warm."""
    return boto3.client(service, config=_CONFIG)
