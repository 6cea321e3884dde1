"""The sink for Kinesis: of each ledger shard everything arrives, in order, whatever fails; and what is wrong is said."""

import json
from random import Random

import pytest

from processor.bridges.kinesis import lanes
from processor.bridges.kinesis.sink import KinesisSink
from processor.bridges.sink import SinkUnavailable
from processor.eventlog.event import PublishedEvent
from processor.settings import Settings
from tests.aws import EmulatedAws
from tests.contract.streaming import (
    THROTTLED,
    FaultyKinesis,
    HastyRandom,
    event,
    events_of,
    names_by_key,
    stored,
    without_repeats,
)

pytestmark = pytest.mark.anyio


async def opened(settings: Settings) -> KinesisSink:
    sink = KinesisSink(settings, HastyRandom())
    await sink.open()
    return sink


def expected(events: list[PublishedEvent]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for each in events:
        names.setdefault(f"shard-{each.shard}", []).append(each.name)
    return names


async def test_events_fill_records_of_their_ledger_shard_which_spread_over_the_stream(aws: EmulatedAws) -> None:
    settings = aws.created(shards=8)
    events = events_of(range(8), records=40, per_record=30)
    sink = await opened(settings)
    assert await sink.publish(events) == []
    assert names_by_key(settings) == expected(events)
    by_kinesis_shard = stored(settings).values()
    assert [len({record["PartitionKey"] for record in records}) for records in by_kinesis_shard] == [2, 2, 2, 2]
    sizes = [len(record["Data"]) for records in by_kinesis_shard for record in records]
    assert max(sizes) <= lanes.RECORD_BYTES
    assert sum(sizes) / len(sizes) > lanes.RECORD_BYTES / 2
    first = json.loads(next(iter(by_kinesis_shard))[0]["Data"])[0]
    assert (first["specversion"], first["partitionkey"], first["data"]["balances"][0]["posted"]) == ("1.0", "shard-0", 1)


async def test_order_survives_failures_of_parts_and_lost_answers(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = aws.created(shards=4)
    monkeypatch.setattr(lanes, "RECORD_BYTES", 4_000)
    faults, random = FaultyKinesis(monkeypatch), Random(7)
    faults.loses = lambda record: THROTTLED if random.random() < 0.3 else None
    faults.disowns = lambda record: "InternalFailure" if random.random() < 0.2 else None
    events = events_of(range(4), records=60, per_record=7)
    sink = await opened(settings)
    assert await sink.publish(events) == []
    arrived = names_by_key(settings)
    assert {key: without_repeats(names) for key, names in arrived.items()} == expected(events)
    assert sum(map(len, arrived.values())) > len(events), "what was disowned has come twice"
    for call in faults.calls:
        keys = [record["PartitionKey"] for record in call]
        assert len(keys) == len(set(keys)), "two records of a ledger shard were under way at once"


async def test_what_is_throttled_for_long_is_reported_and_what_has_arrived_is_not_sent_again(
    aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = aws.created(shards=2)
    faults = FaultyKinesis(monkeypatch)
    faults.loses = lambda record: THROTTLED if record["PartitionKey"] == "shard-1" else None
    events = events_of((0, 1), records=3, per_record=2)
    sink = await opened(settings)
    with pytest.raises(SinkUnavailable, match=r"is throttled .* takes 1 MiB a second for each of its shards; give it more"):
        await sink.publish(events)
    assert names_by_key(settings) == {"shard-0": expected(events)["shard-0"]}

    faults.loses = lambda record: None
    await sink.open()
    assert await sink.publish(events) == []
    assert names_by_key(settings) == expected(events)
    # Once the batch has arrived, the same events again are a cursor that was set back.
    assert await sink.publish(events) == []
    assert names_by_key(settings) == {key: names * 2 for key, names in expected(events).items()}


async def test_a_batch_larger_than_a_call_goes_in_several(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = aws.created(shards=40)
    faults = FaultyKinesis(monkeypatch)
    large = "x" * 200_000
    events = [event(shard, sequence, note=large) for sequence in (1, 2) for shard in range(40)]
    sink = await opened(settings)
    assert await sink.publish(events) == []
    assert names_by_key(settings) == expected(events)
    assert all(sum(len(record["Data"]) for record in call) <= lanes.CALL_BYTES_MAX for call in faults.calls)


async def test_an_event_that_no_record_holds_is_rejected_and_holds_up_no_other(aws: EmulatedAws) -> None:
    settings = aws.created()
    too_large = event(0, 2, note="x" * lanes.RECORD_BYTES_MAX)
    sink = await opened(settings)
    (rejection,) = await sink.publish([event(0, 1), too_large, event(0, 3)])
    assert rejection.event is too_large
    assert "bytes as JSON; a Kinesis record holds 1,048,576 with its key" in rejection.reason
    assert names_by_key(settings) == {"shard-0": ["0:1:0", "0:3:0"]}


async def test_an_event_that_comes_after_later_ones_is_marked(aws: EmulatedAws) -> None:
    settings = aws.created()
    sink = await opened(settings)
    await sink.publish([event(0, 1), event(0, 3)])
    await sink.publish_late([event(0, 2)])
    assert names_by_key(settings) == {"shard-0": ["0:1:0", "0:3:0"], "shard-0-late": ["0:2:0"]}


async def test_a_stream_that_does_not_exist_is_named(aws: EmulatedAws) -> None:
    settings = aws.settings()
    with pytest.raises(SinkUnavailable, match=f"stream {settings.kinesis_stream} does not exist .*`payments aws create`"):
        await opened(settings)


async def test_kinesis_may_go_away_and_come_back(own_aws: EmulatedAws) -> None:
    settings = own_aws.created(shards=2)
    events = events_of((0, 1), records=2, per_record=2)
    sink = await opened(settings)
    await sink.publish(events[:4])
    own_aws.emulator.stop()
    with pytest.raises(SinkUnavailable, match="cannot be reached"):
        await sink.publish(events[4:])
    with pytest.raises(SinkUnavailable, match="cannot be reached"):
        await sink.open()
    own_aws.emulator.start()
    await sink.open()
    await sink.publish(events[4:])
    await sink.close()
    assert {key: without_repeats(names) for key, names in names_by_key(settings).items()} == expected(events)
