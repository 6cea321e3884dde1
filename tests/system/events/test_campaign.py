"""Everything that the ledger says arrives at every target, whatever breaks on the way: and is what the journal says."""

import json
import os
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeVar

import pytest
import uvloop

from loadtests.workload import Workload
from processor.client.accounts import open_accounts
from processor.client.load import run_batches
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
CHECKED = {"kinesis", "dynamodb", "redis", "s3"}
FAULTS = {"throttled", "unavailable", "cut", "lost", "partial"}
SHARE = 0.15
ROUND_SECONDS = 1.5
PAUSE_SECONDS = 0.01
SEED = int(os.environ.get("PAYMENTS_CAMPAIGN_SEED", "1"))
BULK_PAYMENTS = 20_000
EVENTS = int(os.environ.get("PAYMENTS_CAMPAIGN_EVENTS", "100000"))


class Campaign:
    """An instance with bridges, its targets, and what goes wrong on the way to them."""

    def __init__(
        self, new_instance: NewInstance, aws: EmulatedAws, valkey: EmbeddedValkey, faults: Faults, bridges: set[str]
    ) -> None:
        self.aws, self.faults, self.bridges = aws, faults, bridges
        self.settings = aws.created()
        names = {name: getattr(self.settings, name) for name in NAMES}
        self.instance = new_instance(
            shards=4, bridges=",".join(sorted(bridges)), aws_endpoint_url=faults.url, redis_url=valkey.url, bridge_share=0.9,
            s3_flush_seconds=2, aws_read_timeout_seconds=5, **names,
        )  # fmt: skip
        self._valkey = valkey
        self._random = Random(SEED)

    def break_things(self) -> None:
        """Kill two bridges."""
        time.sleep(ROUND_SECONDS)
        running = actors(self.instance)
        for title in self._random.sample(sorted(running), k=min(2, len(running))):
            running[title].kill()

    def restart_targets(self) -> None:
        """Stop AWS in an orderly way, which keeps what it has, and kill Redis, which writes everything down."""
        self.aws.emulator.stop()
        self._valkey.kill()
        self._valkey.start()
        self.aws.emulator.start()

    def check(self) -> None:
        """Assert that every target comes to hold what the journal says."""
        self.faults.share(0.0)
        wait_until_carried_over(self.instance, self.bridges)
        done = self.instance.run("bridges", "check", *sorted(CHECKED))
        assert done.returncode == 0, done.stdout + done.stderr
        told = statuses(self.instance).values()
        assert sum(status["dead_letters"] for status in told) == 0
        assert sum(status["retries"] for status in told) > 0
        print(done.stdout, {status["name"]: status["retries"] for status in told}, self.faults.counts())


@pytest.fixture
def faults(own_aws: EmulatedAws) -> Iterator[Faults]:
    """A proxy in front of the emulator."""
    with faults_in_front_of(own_aws.endpoint_url, SEED) as faults:
        yield faults


def test_every_target_holds_what_the_journal_says_after_kills_throttling_lost_answers_and_a_restart_of_aws(
    new_instance: NewInstance, own_aws: EmulatedAws, own_valkey: EmbeddedValkey, faults: Faults
) -> None:
    campaign = Campaign(new_instance, own_aws, own_valkey, faults, CHECKED | {"sns"})
    queue_url = subscribe(own_aws, campaign.settings)
    books = Books(campaign.instance.start())
    lives = LifeBooks(books)
    lives.supply.next = slowly(lives.supply.next)  # type: ignore[method-assign]
    with BackgroundLoad(books, slowly(books.supply.next)), LifeLoad(lives):
        faults.share(SHARE)
        wait_until(lambda: faults.counts().keys() >= FAULTS, "every kind of fault")
        campaign.break_things()
        campaign.restart_targets()
        campaign.break_things()
    lives.check()
    campaign.check()
    assert notified(own_aws, queue_url) >= told(own_aws, campaign.settings), "a subscriber lacks notifications"


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_so_many_events_arrive_at_every_target_under_the_same_faults(
    new_instance: NewInstance, own_aws: EmulatedAws, own_valkey: EmbeddedValkey, faults: Faults
) -> None:
    """`make campaign EVENTS=n`. SNS is left out: of a million messages in queues the emulator has no room for more."""
    campaign = Campaign(new_instance, own_aws, own_valkey, faults, CHECKED)
    instance = campaign.instance.start()
    workload = Workload("random_accounts", 5_000, SEED)
    uvloop.run(open_accounts(instance.url, workload.account_ids, "EUR", None))
    faults.share(SHARE)
    sent = 0
    while (carried := max(status["published"] for status in statuses(instance).values())) < EVENTS:
        # A little ahead of the fastest bridge, so that the others may fall far behind.
        if sent < carried + BULK_PAYMENTS:
            batches = Workload("random_accounts", 5_000, SEED + sent).batches(BULK_PAYMENTS // 1_000, 1_000)
            sent += uvloop.run(run_batches(instance.url, batches, 2)).count
        campaign.break_things()
    campaign.restart_targets()
    campaign.check()


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
