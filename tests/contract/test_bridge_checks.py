"""What `payments bridges check` finds: nothing where a target holds what the journal says, and each thing that it does not hold."""

import msgspec
import pytest

from processor.bridges.checking import kinesis
from processor.bridges.checking.dynamodb import check_dynamodb
from processor.bridges.checking.expected import expected_events
from processor.bridges.checking.kinesis import check_kinesis
from processor.bridges.checking.redis import check_redis
from processor.bridges.dynamodb.sink import DynamoDbSink
from processor.bridges.kinesis.sink import KinesisSink
from processor.bridges.redis import RedisSink
from processor.bridges.sink import Sink
from processor.eventlog.event import AboutBalances, AboutPayment, BalancesData, PublishedEvent
from processor.journal.memory import MemoryJournal
from processor.journal.record import NO_HASH, Record
from tests.aws import EmulatedAws
from tests.cluster import START, Cluster
from tests.property import histories

pytestmark = pytest.mark.anyio

SHARDS = histories.SHARDS


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """A ledger with all kinds of events."""
    return histories.lived(2)


async def written(cluster: Cluster) -> MemoryJournal:
    """Return a journal with the cluster's records."""
    journal = MemoryJournal(SHARDS)
    for shard, records in enumerate(cluster.journal):
        assert await journal.claim(shard, 0, "host") == 1
        previous = NO_HASH
        for sealed in records:
            record = Record(shard, 1, sealed.sequence, sealed.at, previous, sealed.payload)
            await journal.append([record])
            previous = record.hash()
    return journal


async def published(journal: MemoryJournal) -> tuple[dict[int, int], list[PublishedEvent]]:
    """Return the journal's ends, and all events by shard and place."""
    ends = {shard: (await journal.head(shard)).sequence for shard in range(SHARDS)}
    return ends, [event for shard, end in ends.items() async for event in expected_events(journal, shard, end)]


async def carry(sink: Sink, *batches: list[PublishedEvent]) -> None:
    """Publish batches in their order."""
    await sink.open()
    for batch in batches:
        assert not list(await sink.publish(batch))
    await sink.close()


async def test_kinesis_is_held_against_the_journal(aws: EmulatedAws, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinesis, "now_microseconds", lambda: START)  # when the cluster's events happened
    journal = await written(cluster)
    ends, events = await published(journal)
    good = aws.created(shards=SHARDS)
    await carry(KinesisSink(good), events[: len(events) // 2], events)
    verdict = await check_kinesis(good, journal, ends)
    assert (verdict.problems, verdict.notes, verdict.compared) == ([], [], len(events))

    bad = aws.created(shards=SHARDS)
    of_one = [event for event in events if event.shard == events[0].shard]
    missing, late, changed = of_one[3], of_one[5], of_one[8]
    invented = msgspec.structs.replace(of_one[-1], index=of_one[-1].index + 7)
    others = [
        msgspec.structs.replace(event, at=event.at + 1) if event is changed else event
        for event in events
        if event not in (missing, late)
    ]
    place = others.index(of_one[-1]) + 1
    await carry(KinesisSink(bad), [*others[:place], invented, *others[place:]])
    sink = KinesisSink(bad)
    await sink.open()
    await sink.publish_late([late])
    verdict = await check_kinesis(bad, journal, ends)
    assert verdict.problems == [
        f"{missing.name} is missing in the stream",
        f"{changed.name} is in the stream with another content",
    ], "what came late is there, and what lies behind the last record is nobody's"
    assert not verdict.holds

    monkeypatch.undo()
    verdict = await check_kinesis(bad, journal, ends)
    assert verdict.problem_count == 1, "what the stream does not keep any more is not missing"
    assert f"shard {missing.shard}: 1 events are older than what the stream keeps" in verdict.notes


async def test_the_transactions_table_is_held_against_the_journal(aws: EmulatedAws, cluster: Cluster) -> None:
    journal = await written(cluster)
    ends, events = await published(journal)
    settings = aws.created(shards=SHARDS, dynamodb_transactions_days=0)
    last_by_payment = {event.data.payment.id: event for event in events if isinstance(event.data, AboutPayment)}
    left_out, stale = list(last_by_payment.values())[:2]
    first_of_stale = next(event for event in events if event.subject == stale.subject)
    kept = [
        event
        for event in events
        if event.subject != left_out.subject and (event.subject != stale.subject or event is first_of_stale)
    ]
    await carry(DynamoDbSink(settings), kept)
    verdict = await check_dynamodb(settings, journal, ends)
    assert f"{left_out.subject} is missing in the table" in verdict.problems
    assert verdict.problem_count == 1 + (first_of_stale is not stale)
    await carry(DynamoDbSink(settings), events)
    verdict = await check_dynamodb(settings, journal, ends)
    assert (verdict.problems, verdict.compared) == ([], len(last_by_payment))
    [invented] = [event for event in events if event is left_out]
    data = msgspec.structs.replace(invented.data, payment=msgspec.structs.replace(invented.data.payment, id="pay_none"))  # type: ignore[type-var]
    await carry(DynamoDbSink(settings), [msgspec.structs.replace(invented, data=data)])
    assert (await check_dynamodb(settings, journal, ends)).problems == ["pay_none is in the table and not in the journal"]


async def test_copies_in_redis_are_held_against_the_journal(aws: EmulatedAws, valkey_url: str, cluster: Cluster) -> None:
    journal = await written(cluster)
    ends, events = await published(journal)
    settings = aws.settings(redis_url=valkey_url)
    await carry(RedisSink(settings), events)
    verdict = await check_redis(settings, journal, ends)
    accounts = {account for shard in cluster.all_shards() for account in shard.accounts}
    assert (verdict.problems, verdict.compared) == ([], len(accounts))
    last = next(event for event in reversed(events) if event.accounts)
    wrong = AboutBalances("payment", "pay_1", (), (BalancesData(last.accounts[0], "EUR", 12_345, 0, 0, 12_345),))
    await carry(RedisSink(settings), [msgspec.structs.replace(last, index=last.index + 1, data=wrong)])
    assert (await check_redis(settings, journal, ends)).compared == len(accounts) - 1, "a later copy is nobody's fault"
