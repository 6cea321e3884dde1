"""Notifications: every event reaches every subscriber whose filter it passes, in order on a FIFO topic, whatever SNS loses on the way."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from processor.bridges.queues.original import event_in
from processor.bridges.sink import SinkUnavailable
from processor.bridges.sns import SnsSink, sink
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import AboutAccount, AccountData, PublishedEvent
from processor.settings import Settings
from tests.aws import EmulatedAws
from tests.aws_faults import after, before, losing
from tests.contract.bridging import event_at, make_scene, until
from tests.unit.eventlog.stories import published, told_story

pytestmark = pytest.mark.anyio


class Subscribers:
    """A topic, and queues that are subscribed to it."""

    def __init__(self, aws: EmulatedAws, topic: str) -> None:
        self._sns, self._sqs = aws.client("sns"), aws.client("sqs")
        self._topic = topic
        self._fifo = {"FifoQueue": "true"} if topic.endswith(".fifo") else {}
        attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "false"} if self._fifo else {}
        self.arn = self._sns.create_topic(Name=topic, Attributes=attributes)["TopicArn"]

    def subscribe(self, name: str, policy: dict[str, Any] | None = None, raw: bool = True) -> str:
        """Subscribe a new queue, and return its URL."""
        suffix = ".fifo" if self._fifo else ""
        url: str = self._sqs.create_queue(QueueName=f"{self._topic.removesuffix('.fifo')}-{name}{suffix}", Attributes=self._fifo)[
            "QueueUrl"
        ]
        queue = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes = {"RawMessageDelivery": str(raw).lower()} | ({"FilterPolicy": json.dumps(policy)} if policy else {})
        self._sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=queue, Attributes=attributes)
        return url

    def take(self, url: str) -> list[dict[str, Any]]:
        """Take all messages out of a queue."""
        taken: list[dict[str, Any]] = []
        while messages := self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
        ).get("Messages", []):
            taken += messages
            entries = [{"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(messages)]
            self._sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return taken

    def names(self, url: str) -> list[str]:
        """Take all messages out of a queue, and return the names of their events."""
        return [event_in(message["Body"]).name for message in self.take(url)]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture
def settings(aws: EmulatedAws) -> Settings:
    return aws.settings()


@pytest.fixture
def subscribers(aws: EmulatedAws, settings: Settings) -> Subscribers:
    return Subscribers(aws, settings.sns_topic)


@pytest.fixture
def fifo(aws: EmulatedAws, settings: Settings) -> tuple[Settings, Subscribers]:
    settings = replace(settings, sns_topic=f"{settings.sns_topic}.fifo")
    return settings, Subscribers(aws, settings.sns_topic)


async def publish(settings: Settings, events: Sequence[PublishedEvent]) -> dict[str, str]:
    """Publish as the bridge does; return the reasons of what was rejected."""
    target = SnsSink(settings)
    await target.open()
    try:
        rejections = await target.publish(events)
    finally:
        await target.close()
    return {rejection.event.name: rejection.reason for rejection in rejections}


def names_of(events: Sequence[PublishedEvent]) -> list[str]:
    return [event.name for event in events]


async def test_subscribers_get_what_their_filters_ask_for(settings: Settings, subscribers: Subscribers) -> None:
    everything, enveloped = subscribers.subscribe("all"), subscribers.subscribe("enveloped", raw=False)
    of_account = subscribers.subscribe("account", {"account": ["c"]})
    refunds = subscribers.subscribe("refunds", {"type": [{"prefix": "payment."}], "status": ["refunded", "partially_refunded"]})
    one_shard = subscribers.subscribe("shard", {"shard": [{"numeric": ["=", 1]}], "currency": ["EUR"]})
    events = await published(await told_story())
    assert await publish(settings, events) == {}

    messages = subscribers.take(everything)
    assert {message["Body"].encode() for message in messages} == {encode_event(event) for event in events}
    assert sorted(subscribers.names(enveloped)) == sorted(names_of(events))
    for message in messages:
        event, attributes = json.loads(message["Body"]), message["MessageAttributes"]
        assert attributes["ce-id"]["StringValue"] == event["id"] and attributes["ce-type"]["StringValue"] == event["type"]
        assert len(attributes) <= 10
    bodies = {event.name: json.loads(encode_event(event)) for event in events}
    expected = {name for name, body in bodies.items() if '"c"' in json.dumps(_accounts(body))}
    assert expected and set(subscribers.names(of_account)) == expected
    expected = {
        name
        for name, body in bodies.items()
        if body["data"].get("payment", {}).get("status") in ("refunded", "partially_refunded")
    }
    assert expected and set(subscribers.names(refunds)) == expected
    assert set(subscribers.names(one_shard)) == {
        name for name, body in bodies.items() if name.startswith("1:") and '"currency": "EUR"' in json.dumps(body)
    }


def _accounts(body: dict[str, Any]) -> list[str]:
    data = body["data"]
    legs = data.get("payment", {}).get("legs", [])
    lines = [*data.get("entries", []), *data.get("balances", [])]
    opened = [data["account"]["id"]] if "account" in data else []
    return [*opened, *(leg[side] for leg in legs for side in ("from", "to")), *(line["account"] for line in lines)]


async def test_a_fifo_topic_keeps_the_order_of_each_shard_whatever_sns_loses(
    fifo: tuple[Settings, Subscribers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "ATTEMPTS_MAX", 1_000)
    settings, subscribers = fifo
    url = subscribers.subscribe("all")
    # Twelve shards need two calls at a time; one shard has most of the events.
    events = [event_at(0, 1, index) for index in range(25)]
    events += [event_at(shard, 1, index) for index in range(4) for shard in range(1, 12)]
    with losing("sns", "PublishBatch", "PublishBatchRequestEntries", lambda number: number % 3 == 1):
        assert await publish(settings, events) == {}
    arrived = subscribers.names(url)
    assert sorted(arrived) == sorted(names_of(events))
    for shard in range(12):
        own = [event.name for event in events if event.shard == shard]
        assert [name for name in arrived if name.startswith(f"{shard}:")] == own


async def test_a_fifo_topic_drops_what_is_published_again(fifo: tuple[Settings, Subscribers]) -> None:
    settings, subscribers = fifo
    url = subscribers.subscribe("all")
    events = [event_at(shard, 1, index) for index in range(5) for shard in range(2)]
    calls = 0

    def lie(answer: dict[str, Any]) -> None:
        # They have arrived, but SNS says that they have not; and at last it does not answer at all.
        nonlocal calls
        calls += 1
        if calls == 2:
            answer["Failed"], answer["Successful"] = [{"Id": "0", "Code": "InternalError", "SenderFault": False}], []
        if calls == 4:
            answer["Failed"] = [{"Id": str(index), "Code": "Throttled", "SenderFault": False} for index in range(2)]
            raise ConnectionResetError

    with after("sns", "PublishBatch", lie):
        with pytest.raises(ConnectionResetError):
            await publish(settings, events)
        assert await publish(settings, events) == {}
    arrived = subscribers.names(url)
    for shard in range(2):
        assert [name for name in arrived if name.startswith(f"{shard}:")] == [e.name for e in events if e.shard == shard]


async def test_only_what_was_lost_is_published_again_on_a_standard_topic(settings: Settings, subscribers: Subscribers) -> None:
    url = subscribers.subscribe("all")
    events = [event_at(index % 5, 1, index) for index in range(203)]
    with losing("sns", "PublishBatch", "PublishBatchRequestEntries", lambda number: number % 7 == 3):
        assert await publish(settings, events) == {}
    assert sorted(subscribers.names(url)) == sorted(names_of(events))


async def test_an_event_that_is_too_large_is_rejected_and_the_others_arrive(settings: Settings, subscribers: Subscribers) -> None:
    url = subscribers.subscribe("all")
    large = replace(event_at(0, 2), data=_account_with(262_000))
    nearly = [replace(event_at(0, 3, index), data=_account_with(130_000)) for index in range(5)]
    rejected = await publish(settings, [event_at(0, 1), large, *nearly])
    assert rejected.keys() == {"0:2:0"} and "262144 bytes" in rejected["0:2:0"]
    assert sorted(subscribers.names(url)) == ["0:1:0", *names_of(nearly)]


def _account_with(characters: int) -> AboutAccount:
    # U+FFFF is a character that SQS refuses as it is.
    return AboutAccount(AccountData("account", "open", metadata={"note": "\uffff" + "x" * characters}), ())


async def test_what_sns_refuses_again_and_again_is_told_as_unavailable(settings: Settings, subscribers: Subscribers) -> None:
    failed = [{"Id": "1", "Code": "InternalError", "Message": "sorry", "SenderFault": False}]
    with after("sns", "PublishBatch", lambda answer: answer.update(Failed=failed if len(answer["Successful"]) > 1 else [])):
        assert await publish(settings, [event_at(0, 1, 0), event_at(0, 1, 1)]) == {}
    alone = [{"Id": "0", "Code": "InternalError", "Message": "sorry", "SenderFault": False}]
    with after("sns", "PublishBatch", lambda answer: answer.update(Failed=alone)):
        with pytest.raises(SinkUnavailable, match=r"did not take it \(InternalError: sorry\), 5 times"):
            await publish(settings, [event_at(0, 2)])


async def test_a_call_that_sns_refuses_for_what_is_in_it_is_no_outage(settings: Settings, subscribers: Subscribers) -> None:
    url = subscribers.subscribe("all")

    def refuse(model: Any, params: dict[str, Any]) -> None:
        if "0%3A1%3A2" in params["body"] or "0:1:2" in str(params["body"]):
            raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "bad attribute"}}, "PublishBatch")

    with before("sns", "PublishBatch", refuse):
        with pytest.raises(sink.BadCall, match="bad attribute"):
            await publish(settings, [event_at(0, 1, index) for index in range(5)])
        for index in (0, 1, 3, 4):
            await publish(settings, [event_at(0, 1, index)])
    assert sorted(subscribers.names(url)) == ["0:1:0", "0:1:1", "0:1:3", "0:1:4"]


async def test_a_bridge_goes_on_when_sns_was_away(database_url: str, own_aws: EmulatedAws) -> None:
    settings = own_aws.settings()
    subscribers = Subscribers(own_aws, settings.sns_topic)
    url = subscribers.subscribe("all")
    scene = await make_scene(database_url)
    await scene.write(0, *range(20))
    async with scene.running(SnsSink(settings)) as (term, task):
        await scene.until_level(task)
        assert term.state == "running"
        await asyncio.to_thread(own_aws.emulator.stop)
        await scene.write(1, *range(20))

        async def is_waiting() -> bool:
            return term.state == "waiting" and "cannot be reached" in str(term.problem)

        await until(is_waiting, task)
        await asyncio.to_thread(own_aws.emulator.start)
        await scene.until_level(task)
    assert set(subscribers.names(url)) == set(scene.names)
    await scene.close()


@pytest.mark.parametrize("topic", ["no-such-topic", "arn:aws:sns:us-east-1:000000000000:no-such-topic"])
async def test_a_topic_that_is_missing_is_told_in_one_sentence(settings: Settings, topic: str) -> None:
    with pytest.raises(SinkUnavailable, match="no-such-topic does not exist"):
        await SnsSink(replace(settings, sns_topic=topic)).open()


async def test_an_arn_is_as_good_as_a_name(settings: Settings, subscribers: Subscribers) -> None:
    url = subscribers.subscribe("all")
    assert await publish(replace(settings, sns_topic=subscribers.arn), [event_at(0, 1)]) == {}
    assert subscribers.names(url) == ["0:1:0"]
