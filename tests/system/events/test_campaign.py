"""Everything that the ledger says arrives at every target, whatever breaks on the way: and is what the journal says."""

import json
import os
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeVar

import pytest

from processor.local.valkey import EmbeddedValkey
from processor.settings import Settings
from tests.aws import NAMES, EmulatedAws
from tests.system.events.bridges import actors, statuses, wait_until_carried_over
from tests.system.events.faults import Faults, faults_in_front_of
from tests.system.instance import Instance
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books
from tests.system.ledger.life_books import LifeBooks
from tests.system.ledger.life_load import LifeLoad
from tests.system.ledger.waiting import wait_until

Value = TypeVar("Value")
NewInstance = Callable[..., Instance]
SINKS = {"kinesis", "sns", "dynamodb", "redis", "s3"}
CHECKED = {"kinesis", "dynamodb", "redis", "s3"}
FAULTS = {"throttled", "unavailable", "cut", "lost", "partial"}
SHARE = 0.15
ROUNDS = int(os.environ.get("PAYMENTS_CAMPAIGN_ROUNDS", "3"))
ROUND_SECONDS = float(os.environ.get("PAYMENTS_CAMPAIGN_ROUND_SECONDS", "1.5"))
PAUSE_SECONDS = float(os.environ.get("PAYMENTS_CAMPAIGN_PAUSE_SECONDS", "0.01"))
SEED = int(os.environ.get("PAYMENTS_CAMPAIGN_SEED", "1"))


@pytest.fixture
def faults(own_aws: EmulatedAws) -> Iterator[Faults]:
    """A proxy in front of the emulator."""
    with faults_in_front_of(own_aws.endpoint_url, SEED) as faults:
        yield faults


def test_every_target_holds_what_the_journal_says_after_kills_throttling_lost_answers_and_a_restart_of_aws(
    new_instance: NewInstance, own_aws: EmulatedAws, own_valkey: EmbeddedValkey, faults: Faults
) -> None:
    settings = own_aws.created()
    queue_url = subscribe(own_aws, settings)
    names = {name: getattr(settings, name) for name in NAMES}
    instance = new_instance(
        shards=4, bridges=",".join(sorted(SINKS)), aws_endpoint_url=faults.url, redis_url=own_valkey.url, bridge_share=0.9,
        s3_flush_seconds=2, aws_read_timeout_seconds=5, **names,
    ).start()  # fmt: skip
    books = Books(instance)
    lives = LifeBooks(books)
    random = Random(SEED)
    lives.supply.next = slowly(lives.supply.next)  # type: ignore[method-assign]
    with BackgroundLoad(books, slowly(books.supply.next)), LifeLoad(lives):
        faults.share(SHARE)
        wait_until(lambda: faults.counts().keys() >= FAULTS, "every kind of fault")
        for number in range(ROUNDS):
            time.sleep(ROUND_SECONDS)
            running = actors(instance)
            for title in random.sample(sorted(running), k=min(2, len(running))):
                running[title].kill()
            if number == ROUNDS // 2:
                own_aws.emulator.stop()
                own_valkey.kill()
                own_valkey.start()
                own_aws.emulator.start()
    faults.share(0.0)
    wait_until_carried_over(instance, SINKS)
    lives.check()
    wait_until_carried_over(instance, SINKS)
    done = instance.run("bridges", "check", *sorted(CHECKED))
    assert done.returncode == 0, done.stdout + done.stderr
    assert notified(own_aws, queue_url) >= told(own_aws, settings), "a subscriber lacks notifications"
    assert sum(status["dead_letters"] for status in statuses(instance).values()) == 0
    assert sum(status["retries"] for status in statuses(instance).values()) > 0


def slowly(supply: Callable[[], Value]) -> Callable[[], Value]:
    """Return a supply that holds up who asks it, so that the emulator can follow: it takes a few hundred events a second."""

    def supply_slowly() -> Value:
        time.sleep(PAUSE_SECONDS)
        return supply()

    return supply_slowly


def subscribe(aws: EmulatedAws, settings: Settings) -> str:
    """Let a new queue get all notifications; return its URL."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    queue_url: str = sqs.create_queue(QueueName=f"subscriber-{settings.sns_topic}")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=settings.sns_topic)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    return queue_url


def notified(aws: EmulatedAws, queue_url: str) -> set[str]:
    """Take all messages of the queue; return the names of their events."""
    sqs, found = aws.client("sqs"), set()
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        found |= {json.loads(message["Body"])["id"] for message in messages}
        entries = [{"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]} for place, message in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)
    return found


def told(aws: EmulatedAws, settings: Settings) -> set[str]:
    """Return the names of all events in the stream, which was checked before."""
    kinesis, found = aws.client("kinesis"), set()
    stream = settings.kinesis_stream
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        asked: dict[str, Any] = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**asked)["ShardIterator"]
        while True:
            answer = kinesis.get_records(ShardIterator=iterator)
            found |= {event["id"] for record in answer["Records"] for event in json.loads(record["Data"])}
            iterator = answer.get("NextShardIterator")
            if iterator is None or (not answer["Records"] and not answer.get("MillisBehindLatest")):
                break
    return found
