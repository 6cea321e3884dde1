"""The consumer library: every event once and in order, over restarts, repeats, throttling and a stream that is split and merged."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from processor.aws.clients import aws_client
from processor.bridges.consume import (
    AnotherConsumer,
    BadRecord,
    Checkpoints,
    Consumer,
    DynamoCheckpoints,
    EventsLost,
    FileCheckpoints,
)
from processor.settings import Settings
from tests.aws import EmulatedAws


class Stream:
    """A stream of the emulator, with a shard for each ledger shard."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = settings.kinesis_stream
        self.client = aws_client(settings, "kinesis")
        self.shards = [shard["ShardId"] for shard in self.client.list_shards(StreamName=self.name)["Shards"]]

    def put(self, *places: str, late: bool = False) -> None:
        """Put one record with events of these names, which are of one ledger shard."""
        shard = places[0].split(":")[0]
        data = json.dumps([{"id": place, "specversion": "1.0", "data": {}} for place in places]).encode()
        hash_key = str((2 * int(shard) + 1) * 2**128 // (2 * len(self.shards)))
        key = f"shard-{shard}-late" if late else f"shard-{shard}"
        self.client.put_record(StreamName=self.name, Data=data, PartitionKey=key, ExplicitHashKey=hash_key)

    def consumer(self, checkpoints: Checkpoints, client: Any = None, **more: Any) -> Consumer:
        return Consumer(client or self.client, self.name, checkpoints, poll_seconds=0.01, **more)


@pytest.fixture
def stream(aws: EmulatedAws) -> Stream:
    return Stream(aws.created())


@pytest.fixture
def checkpoints(tmp_path: Path) -> FileCheckpoints:
    return FileCheckpoints(tmp_path / "checkpoint.json")


def read(consumer: Consumer) -> list[str]:
    """Return the names of all events that are there now."""
    return [event["id"] for event in consumer.events(follow=False)]


def test_events_come_once_each_and_in_order_whatever_is_repeated(stream: Stream, checkpoints: FileCheckpoints) -> None:
    stream.put("0:1:0", "0:1:1")
    stream.put("1:5:2")
    stream.put("0:1:0", "0:1:1")
    stream.put("0:1:1", "0:2:0", "0:10:0")
    stream.put("0:2:0")
    stream.put("0:10:1", "0:11:0")
    names = read(stream.consumer(checkpoints))
    assert [name for name in names if name.startswith("0:")] == ["0:1:0", "0:1:1", "0:2:0", "0:10:0", "0:10:1", "0:11:0"]
    assert [name for name in names if name.startswith("1:")] == ["1:5:2"]


def test_a_restart_goes_on_behind_what_was_handled(stream: Stream, checkpoints: FileCheckpoints) -> None:
    stream.put("0:1:0", "0:1:1", "0:1:2")
    handled: list[str] = []

    def handle() -> None:
        for event in stream.consumer(checkpoints).events():
            if event["id"] == "0:1:1" and "crash" not in handled:
                handled.append("crash")
                raise ZeroDivisionError
            handled.append(event["id"])

    with pytest.raises(ZeroDivisionError):
        handle()
    stream.put("0:2:0")
    handled += read(stream.consumer(checkpoints))
    assert handled == ["0:1:0", "crash", "0:1:1", "0:1:2", "0:2:0"]
    stream.put("0:2:0")
    stream.put("0:3:0")
    assert read(stream.consumer(checkpoints)) == ["0:3:0"]


def test_a_consumer_that_follows_gets_what_comes_later_and_ends_when_told(stream: Stream, checkpoints: FileCheckpoints) -> None:
    stream.put("0:1:0")
    consumer = stream.consumer(checkpoints)
    got = []
    for event in consumer.events():
        got.append(event["id"])
        if len(got) < 4:
            stream.put(f"0:{len(got) + 1}:0")
        else:
            consumer.stop()
    assert got == ["0:1:0", "0:2:0", "0:3:0", "0:4:0"]
    assert read(stream.consumer(checkpoints)) == []


def test_a_late_event_is_yielded_once(stream: Stream, checkpoints: FileCheckpoints) -> None:
    stream.put("0:1:0", "0:3:0")
    stream.put("0:2:0", late=True)
    stream.put("0:2:0", late=True)
    assert read(stream.consumer(checkpoints)) == ["0:1:0", "0:3:0", "0:2:0"]
    stream.put("0:2:0", late=True)
    assert read(stream.consumer(checkpoints)) == []


def test_who_begins_with_the_newest_is_spared_what_was_before(stream: Stream, checkpoints: FileCheckpoints) -> None:
    stream.put("0:1:0")
    assert read(stream.consumer(checkpoints, start="newest")) == []
    stream.put("0:2:0")
    assert read(stream.consumer(checkpoints, start="newest")) == ["0:2:0"]


def test_throttling_and_expired_iterators_are_overcome(stream: Stream, checkpoints: FileCheckpoints) -> None:
    client = boto3.client("kinesis", region_name="us-east-1", endpoint_url=stream.settings.aws_endpoint_url)
    calls = itertools.count()
    codes = {0: "ExpiredIteratorException", 3: "ProvisionedThroughputExceededException", 8: "ExpiredIteratorException"}

    def spoil(http_response: Any, parsed: dict[str, Any], **_: object) -> None:
        code = codes.get(next(calls))
        if code:
            http_response.status_code = 400
            parsed["Error"] = {"Code": code, "Message": "told to"}

    client.meta.events.register("after-call.kinesis.GetRecords", spoil)
    expected = [f"0:{sequence}:0" for sequence in range(1, 30)]
    for name in expected:
        stream.put(name)
    assert read(stream.consumer(checkpoints, client)) == expected
    assert next(calls) > 9


def test_a_record_of_somebody_else_is_refused_unless_told_otherwise(stream: Stream, checkpoints: FileCheckpoints) -> None:
    stream.put("0:1:0")
    stream.client.put_record(StreamName=stream.name, Data=b'[{"id": 7}]', PartitionKey="1", ExplicitHashKey="1")
    stream.put("0:2:0")
    with pytest.raises(BadRecord, match="is not a JSON array of the payment processor's events"):
        read(stream.consumer(checkpoints))
    skipped: list[bytes] = []
    consumer = stream.consumer(checkpoints, on_bad_record=lambda record, error: skipped.append(record["Data"]))
    assert read(consumer) == ["0:2:0"]
    assert skipped == [b'[{"id": 7}]']


def test_what_may_have_been_dropped_unread_is_not_passed_over(
    stream: Stream, checkpoints: FileCheckpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream.put("0:1:0")
    assert read(stream.consumer(checkpoints)) == ["0:1:0"]
    state = checkpoints.load()
    assert state is not None
    for place in state["kinesis"].values():
        place["read_until"] -= 25 * 3600
    checkpoints.save(state)
    with pytest.raises(EventsLost, match=r"keeps records for 24 h, and has been read to where it was 25\.0 h ago"):
        read(stream.consumer(checkpoints))


def test_two_consumers_of_one_name_are_found_out(aws: EmulatedAws, stream: Stream) -> None:
    dynamodb, table = aws.client("dynamodb"), f"checkpoints-{stream.name}"
    dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "consumer", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "consumer", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    stream.put("0:1:0")
    mine, other = (stream.consumer(DynamoCheckpoints(dynamodb, table, "balances")) for _ in range(2))
    both = mine.events(), other.events()
    assert [next(events)["id"] for events in both] == ["0:1:0", "0:1:0"]
    both[0].close()
    with pytest.raises(AnotherConsumer, match="saves checkpoints as balances"):
        both[1].close()
    stream.put("0:2:0")
    assert read(stream.consumer(DynamoCheckpoints(dynamodb, table, "balances"))) == ["0:1:0", "0:2:0"]


class Resharded:
    """A client of one stream whose shards are those of the emulator's, with another history: the emulator forgets a shard that is split.

    `parents` says which shards a shard has replaced; those are closed, and end where they end now.
    """

    def __init__(self, stream: Stream, parents: dict[int, Sequence[int]]) -> None:
        self._client, self._shards = stream.client, stream.shards
        self._parents = parents
        self.order: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def list_shards(self, **_: object) -> dict[str, Any]:
        return {"Shards": [self._listed(number) for number in reversed(range(len(self._shards)))]}

    def get_shard_iterator(self, **place: Any) -> dict[str, Any]:
        iterator = self._client.get_shard_iterator(**place)["ShardIterator"]
        return {"ShardIterator": f"{place['ShardId']} {iterator}"}

    def get_records(self, ShardIterator: str) -> dict[str, Any]:  # noqa: N803
        shard, iterator = ShardIterator.split()
        number = self._shards.index(shard)
        self.order.append(number)
        # One at a time, so that nothing is read to its end by luck.
        answer: dict[str, Any] = self._client.get_records(ShardIterator=iterator, Limit=1)
        is_closed = any(number in parents for parents in self._parents.values())
        if is_closed and not answer["Records"]:
            del answer["NextShardIterator"]
        else:
            answer["NextShardIterator"] = f"{shard} {answer['NextShardIterator']}"
        return answer

    def _listed(self, number: int) -> dict[str, Any]:
        names = ("ParentShardId", "AdjacentParentShardId")
        parents = {name: self._shards[parent] for name, parent in zip(names, self._parents.get(number, ()), strict=False)}
        return {"ShardId": self._shards[number], **parents}


def test_a_shard_is_read_to_its_end_before_those_that_replace_it(stream: Stream, checkpoints: FileCheckpoints) -> None:
    # 0 was split into 1 and 2, which were merged into 3. Ledger shard 7 went through 1, and 8 through 2.
    client = Resharded(stream, {1: (0,), 2: (0,), 3: (1, 2)})
    for number, ledger_shards in ((0, (7, 8)), (1, (7,)), (2, (8,)), (3, (7, 8))):
        for sequence in range(1, 4):
            for shard in ledger_shards:
                put_into(stream, number, f"{shard}:{10 * number + sequence}:0")
    events = stream.consumer(checkpoints, client).events()
    first = [next(events)["id"] for _ in range(11)]
    events.close()
    second = read(stream.consumer(checkpoints, client))
    # The last one had not been handled when the first run ended.
    assert first[-1] == second[0]
    got = first[:-1] + second
    assert [name for name in got if name[0] == "7"] == [f"7:{10 * number + n}:0" for number in (0, 1, 3) for n in range(1, 4)]
    assert [name for name in got if name[0] == "8"] == [f"8:{10 * number + n}:0" for number in (0, 2, 3) for n in range(1, 4)]
    client.order.clear()
    assert read(stream.consumer(checkpoints, client)) == []
    assert set(client.order) == {3}, "a shard that was read to its end is not looked at again"


def put_into(stream: Stream, number: int, name: str) -> None:
    """Put one record with one event into the shard of this number."""
    hash_key = str((2 * number + 1) * 2**128 // (2 * len(stream.shards)))
    record = {"Data": json.dumps([{"id": name}]).encode(), "PartitionKey": f"shard-{name[0]}", "ExplicitHashKey": hash_key}
    stream.client.put_record(StreamName=stream.name, **record)


def test_a_shard_that_is_gone_before_its_end_was_read_is_no_small_matter(stream: Stream, checkpoints: FileCheckpoints) -> None:
    stream.put("0:1:0")
    assert read(stream.consumer(checkpoints)) == ["0:1:0"]
    stream.client.merge_shards(StreamName=stream.name, ShardToMerge=stream.shards[0], AdjacentShardToMerge=stream.shards[1])
    with pytest.raises(EventsLost, match=f"shard {stream.shards[0]} .* was removed before it was read to its end"):
        read(stream.consumer(checkpoints))
