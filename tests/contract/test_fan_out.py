"""New events over Redis: whole, in order, and never with a gap that nobody sees."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from processor.bridges.checking.expected import expected_events
from processor.cache.fan_out import (
    MESSAGE_EVENTS_MAX,
    FanOut,
    Listening,
    NewEvents,
    decode_message,
    encode_message,
    fits,
)
from processor.cache.link import RedisLink
from processor.eventlog.event import PublishedEvent
from tests.contract.bridging import event_at
from tests.contract.test_bridge_checks import written
from tests.property import histories

pytestmark = pytest.mark.anyio


@pytest.fixture
async def link(valkey_url: str, anyio_backend: str) -> AsyncIterator[RedisLink]:
    """A connection to an empty Valkey."""
    link = RedisLink(valkey_url, timeout_seconds=5.0)
    yield link
    await link.close()


@pytest.fixture
async def listening(valkey_url: str, link: RedisLink) -> AsyncIterator[Listening]:
    """Somebody who listens already."""
    listening = Listening(valkey_url)
    while not listening.is_up:
        await asyncio.sleep(0.01)
    yield listening
    listening.close()


async def heard(listening: Listening) -> NewEvents:
    """Return the next message."""
    message = await listening.next(30.0)
    assert message is not None
    return message


async def test_every_kind_of_event_travels_unchanged() -> None:
    journal = await written(histories.lived(2))
    events: list[PublishedEvent] = []
    for shard in range(histories.SHARDS):
        events += [event async for event in expected_events(journal, shard, (await journal.head(shard)).sequence)]
    assert len({event.type for event in events}) > 10
    message = NewEvents({0: None, 1: 5}, events)
    assert decode_message(encode_message(message)) == message
    with pytest.raises(msgspec.ValidationError, match=r"of the type other\.kind are not known"):
        decode_message(encode_message(NewEvents({}, [msgspec.structs.replace(events[0], type="other.kind")])))


async def test_messages_say_behind_which_records_they_begin(link: RedisLink, listening: Listening) -> None:
    teller = FanOut(link)
    await teller.tell([event_at(0, 3), event_at(1, 7), event_at(1, 7, 1)])
    await teller.tell([event_at(1, 9)])
    await teller.tell([event_at(1, 4)])
    await teller.tell([event_at(0, 5), event_at(1, 10)])
    messages = [await heard(listening) for _ in range(4)]
    assert [message.after for message in messages] == [{0: None, 1: None}, {1: 7}, {1: 9}, {0: 3, 1: 9}]
    assert [event.name for event in messages[0].events] == ["0:3:0", "1:7:0", "1:7:1"]


async def test_a_large_batch_is_told_in_parts_of_whole_records(link: RedisLink, listening: Listening) -> None:
    await FanOut(link).tell([event_at(0, sequence, index) for sequence in range(1, 9) for index in range(200)])
    messages = [await heard(listening) for _ in range(3)]
    assert [len(message.events) for message in messages] == [600, 600, 400]
    assert [message.after for message in messages] == [{0: None}, {0: 3}, {0: 6}]
    assert MESSAGE_EVENTS_MAX == 500


async def test_who_has_missed_something_sees_the_gap() -> None:
    message = NewEvents({0: 3, 1: 9}, [])
    assert fits(message, {0: 3, 1: 9}) and fits(message, {0: 4, 1: 12, 2: 0})
    assert not fits(message, {0: 3, 1: 8}) and not fits(message, {0: 3})
    assert not fits(NewEvents({0: None}, []), {0: 100}), "nobody knows what was before"


async def test_without_listeners_nothing_is_told_and_still_known(link: RedisLink, valkey_url: str) -> None:
    teller = FanOut(link)
    await teller.tell([event_at(0, 3)])
    listening = Listening(valkey_url)
    while not listening.is_up:
        await asyncio.sleep(0.01)
    await teller.tell([event_at(0, 4)])
    assert (await heard(listening)).after == {0: 3}
    assert await listening.next(0.0) is None
    listening.close()
