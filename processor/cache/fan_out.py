"""New events to all API processes at once, over Redis' publish and subscribe.

It promises nothing: a message may be lost, and nobody is told. So each says behind which record of each shard it begins; who finds that
something is missing before it reads the journal.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw
from redis.asyncio import Redis
from redis.exceptions import RedisError

from processor.cache.link import RedisLink
from processor.eventlog.event import AboutAccount, AboutBalances, AboutPayment, AboutRefusal, AnyData, PublishedEvent

logger = logging.getLogger(__name__)

CHANNEL: Final = "payments:events"
MESSAGE_EVENTS_MAX = 500
WAITING_MESSAGES_MAX = 256
_RECONNECT_SECONDS = 1.0
_LISTEN_SECONDS = 1.0


class NewEvents(msgspec.Struct, frozen=True, array_like=True):
    """Events of whole records. `after`: of each shard in it, the newest record whose events were told before (None: not known)."""

    after: dict[int, int | None]
    events: list[PublishedEvent]


class _Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    shard: int
    sequence: int
    index: int
    at: int
    type: str
    subject: str
    accounts: tuple[str, ...]
    data: Raw


class _Message(msgspec.Struct, frozen=True, array_like=True):
    after: dict[int, int | None]
    events: list[_Told]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Message).decode
_DATA: Final[dict[str, msgspec.msgpack.Decoder[Any]]] = {
    "account": msgspec.msgpack.Decoder(AboutAccount),
    "balances": msgspec.msgpack.Decoder(AboutBalances),
    "payment": msgspec.msgpack.Decoder(AboutPayment),
    "payment.refused": msgspec.msgpack.Decoder(AboutRefusal),
}


def encode_message(message: NewEvents) -> bytes:
    """Return the message as it travels."""
    return _encode(
        _Message(
            message.after,
            [
                _Told(
                    event.shard, event.sequence, event.index, event.at, event.type, event.subject, event.accounts,
                    Raw(_encode(event.data)),
                )
                for event in message.events
            ],
        )
    )  # fmt: skip


def decode_message(content: bytes) -> NewEvents:
    """Return the message. Raises msgspec.MsgspecError if it is not one of this version of the program."""
    message = _decode(content)
    events = [
        PublishedEvent(
            told.shard, told.sequence, told.index, told.at, told.type, told.subject, told.accounts, _data(told.type, told.data)
        )
        for told in message.events
    ]
    return NewEvents(message.after, events)


def _data(kind: str, content: Raw) -> AnyData:
    decoder = _DATA.get(kind) or _DATA.get(kind.partition(".")[0])
    if decoder is None:
        raise msgspec.ValidationError(f"events of the type {kind} are not known")
    data: AnyData = decoder.decode(content)
    return data


class FanOut:
    """Tells new events, one batch after another, as long as anybody listens."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._told: dict[int, int] = {}

    async def tell(self, events: Sequence[PublishedEvent]) -> None:
        """Tell events of whole records. Raises CacheUnavailable."""
        _, listeners = await self._link.call("PUBSUB", "NUMSUB", CHANNEL)
        for part in _parts(events):
            after = {shard: self._told.get(shard) for shard in {event.shard for event in part}}
            if listeners:
                await self._link.call("PUBLISH", CHANNEL, encode_message(NewEvents(after, part)))
            for event in part:  # A dead letter that is tried again is older than what was told before.
                self._told[event.shard] = max(event.sequence, self._told.get(event.shard, 0))


def _parts(events: Sequence[PublishedEvent]) -> list[list[PublishedEvent]]:
    """Return the events in parts of some hundred, each of whole records."""
    parts: list[list[PublishedEvent]] = []
    record: tuple[int, int] | None = None
    for event in events:
        is_new_record = (event.shard, event.sequence) != record
        if not parts or (is_new_record and len(parts[-1]) >= MESSAGE_EVENTS_MAX):
            parts.append([])
        parts[-1].append(event)
        record = (event.shard, event.sequence)
    return parts


class Listening:
    """Messages as they come, from one Redis, until `close`. What comes faster than it is taken is dropped, like all that is lost."""

    def __init__(self, url: str) -> None:
        """Begin to listen as soon as Redis lets us."""
        self._url = url
        self._messages: asyncio.Queue[NewEvents] = asyncio.Queue(WAITING_MESSAGES_MAX)
        self.is_up = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def next(self, timeout_seconds: float) -> NewEvents | None:
        """Return the next message, or None if there is none for so long."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._messages.get()
        except TimeoutError:
            return None

    def close(self) -> None:
        """Stop."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                if self.is_up:
                    logger.warning("new events come from the journal alone, because Redis does not answer: %s", error)
                self.is_up = False
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        async with Redis.from_url(self._url, socket_connect_timeout=_RECONNECT_SECONDS) as client, client.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            self.is_up = True
            while True:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_SECONDS)
                if message is None:
                    await pubsub.ping()
                    continue
                if message["type"] == "message" and not self._messages.full():
                    try:
                        self._messages.put_nowait(decode_message(message["data"]))
                    except msgspec.MsgspecError:
                        logger.info("a message about new events is of another version of this program")


def fits(message: NewEvents, positions: Mapping[int, int]) -> bool:
    """Whether the message leaves no gap behind these records."""
    return all(after is not None and after <= positions.get(shard, 0) for shard, after in message.after.items())
