"""Live events by way of Redis: all of them, once, in the order of each shard, whatever Redis loses."""

import asyncio
from random import Random

import pytest

from processor.cache.fan_out import FanOut
from processor.cache.link import CacheUnavailable, RedisLink
from processor.eventlog.event import PublishedEvent
from processor.eventlog.log import EventLog
from processor.journal.memory import MemoryJournal
from processor.journal.record import NO_HASH, Record
from processor.local.valkey import EmbeddedValkey
from serve.events import redis_source
from serve.events.redis_source import RedisSource
from tests.cluster import Cluster
from tests.property import histories

pytestmark = pytest.mark.anyio

SHARDS = histories.SHARDS


class Story:
    """A cluster's records, which become known to a journal one after another, and to a Redis that may lose them."""

    def __init__(self, cluster: Cluster, valkey: EmbeddedValkey) -> None:
        self.journal = MemoryJournal(SHARDS)
        self.log = EventLog(self.journal, SHARDS)
        self.link = RedisLink(valkey.url, timeout_seconds=5.0)
        self.told = FanOut(self.link)
        self.expected: list[PublishedEvent] = []
        self._hashes = dict.fromkeys(range(SHARDS), NO_HASH)
        self.records = sorted(
            ((record.at, shard, record) for shard, records in enumerate(cluster.journal) for record in records),
            key=lambda item: (item[0], item[1], item[2].sequence),
        )

    async def begin(self) -> None:
        for shard in range(SHARDS):
            assert await self.journal.claim(shard, 0, "host") == 1

    async def append(self, place: int) -> list[PublishedEvent]:
        """Append a record, and return its events."""
        _, shard, sealed = self.records[place]
        record = Record(shard, 1, sealed.sequence, sealed.at, self._hashes[shard], sealed.payload)
        await self.journal.append([record])
        self._hashes[shard] = record.hash()
        events = await self.log.translator.translate([record])
        self.expected += events
        return events

    async def tell(self, events: list[PublishedEvent], is_lost: bool) -> None:
        """Tell them over Redis, or let that be lost on the way."""
        if is_lost:
            self.told._told |= {event.shard: event.sequence for event in events}
        elif events:
            await self.told.tell(events)


async def answers(link: RedisLink) -> bool:
    """Return whether Redis answers. A connection from before its restart does not."""
    try:
        return bool(await link.call("PING"))
    except CacheUnavailable:
        return False


async def names_of(source: RedisSource, count: int) -> list[str]:
    """Return the names of the next events."""
    found: list[str] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            found += [event.name for event in (await source.next()).events]
    return found


def by_shard(names: list[str]) -> dict[str, list[str]]:
    """Return the names in their order, by shard."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.partition(":")[0], []).append(name)
    return found


async def test_all_events_come_once_and_in_order_whatever_is_lost(
    own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, random = Story(histories.lived(3), own_valkey), Random(5)
    await story.begin()
    # Nothing but a message, or a gap, makes it look into the journal.
    monkeypatch.setattr(redis_source, "QUIET_SECONDS", 1_000.0)
    half = len(story.records) // 2
    for place in range(half):
        await story.append(place)
    already = {shard: (await story.journal.head(shard)).sequence for shard in range(SHARDS)}
    source = RedisSource(own_valkey.url, story.log, already)
    known = len(story.expected)
    while not source._listening.is_up:
        await asyncio.sleep(0.01)
    for place in range(half, len(story.records)):
        is_last = place == len(story.records) - 1
        await story.tell(await story.append(place), is_lost=not is_last and random.random() < 0.3)
    expected = [event.name for event in story.expected[known:]]
    assert len(expected) > 50
    # Of a shard whose last message was lost only the look into the journal knows: see the next test.
    monkeypatch.setattr(redis_source, "QUIET_SECONDS", 0.2)
    assert by_shard(await names_of(source, len(expected))) == by_shard(expected)
    source.close()
    await story.link.close()


async def test_without_redis_and_with_it_again_nothing_is_missing(own_valkey: EmbeddedValkey) -> None:
    story = Story(histories.lived(4), own_valkey)
    await story.begin()
    source = RedisSource(own_valkey.url, story.log, dict.fromkeys(range(SHARDS), 0))
    third = len(story.records) // 3
    for place in range(third):
        await story.tell(await story.append(place), is_lost=False)
    found = await names_of(source, len(story.expected))
    own_valkey.kill()
    for place in range(third, 2 * third):
        await story.append(place)
    found += await names_of(source, len(story.expected) - len(found))
    own_valkey.start()
    while not (source._listening.is_up and await answers(story.link)):
        await asyncio.sleep(0.05)
    for place in range(2 * third, len(story.records)):
        await story.tell(await story.append(place), is_lost=False)
    found += await names_of(source, len(story.expected) - len(found))
    assert by_shard(found) == by_shard([event.name for event in story.expected])
    source.close()
    await story.link.close()
