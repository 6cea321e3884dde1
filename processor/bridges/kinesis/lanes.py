"""Events on their way into a stream: a lane for each ledger shard, in which one record goes after the other.

PutRecords keeps no order when a part of it fails: so of one lane no record may be under way before the one in front of it is there.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from processor.bridges.pace import Backoff
from processor.bridges.sink import Rejection
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import PublishedEvent

RECORD_BYTES = 256 * 1024
"""To about this size events are gathered in one record: far below what a stream's shard takes in a second (1 MiB), so that several
ledger shards share it smoothly."""
RECORD_BYTES_MAX = 1024 * 1024
"""What a stream takes unless it was told to take more, with the partition key."""
CALL_BYTES_MAX = 5 * 1024 * 1024
CALL_RECORDS_MAX = 500
"""What PutRecords takes at least, by AWS's documentation of it then and now."""

LATE = "-late"
"""Ends the partition key of events that come after later ones, for those who drop what is older than what they have seen."""

_BACKOFF_SECONDS_MAX = 2.0
_KEY_BYTES = 64
_HASH_KEYS = 2**128

Place = tuple[int, int]
"""(sequence, index): an event's place in its ledger shard."""


class Lane:
    """The events of one ledger shard that are still to be sent."""

    def __init__(self, shard: int, shards: int, is_late: bool, random: Random) -> None:
        self.shard = shard
        self.ready_at = 0.0
        self._key = f"shard-{shard}" + (LATE if is_late else "")
        # Spread evenly over the stream's shards, where the key's own hash would leave some empty and others overcrowded.
        self._hash_key = str(_HASH_KEYS * (2 * shard + 1) // (2 * max(shards, shard + 1)))
        self._backoff = Backoff(_BACKOFF_SECONDS_MAX, random)
        self._events: deque[tuple[Place, bytes]] = deque()
        self._head: list[tuple[Place, bytes]] = []

    def add(self, place: Place, encoded: bytes) -> None:
        """Put an event at the end."""
        self._events.append((place, encoded))

    @property
    def is_empty(self) -> bool:
        """Whether all has been sent."""
        return not self._head and not self._events

    @property
    def failures(self) -> int:
        """How often the record in front has failed."""
        return self._backoff.failures

    def record(self) -> dict[str, Any]:
        """Return the record in front, as PutRecords takes it: the same until it has been sent."""
        if not self._head:
            size = 2
            while self._events and (not self._head or size + len(self._events[0][1]) < RECORD_BYTES):
                size += len(self._events[0][1]) + 1
                self._head.append(self._events.popleft())
        data = b"[" + b",".join([encoded for _, encoded in self._head]) + b"]"
        return {"Data": data, "PartitionKey": self._key, "ExplicitHashKey": self._hash_key}

    def sent(self) -> Place:
        """The record in front has arrived: return the place of its last event."""
        last = self._head[-1][0]
        self._head = []
        self._backoff.reset()
        self.ready_at = 0.0
        return last

    def failed(self, now: float) -> None:
        """The record in front has not arrived: let it rest."""
        self.ready_at = now + self._backoff.next_seconds()


def make_lanes(
    events: Iterable[PublishedEvent], shards: int, is_late: bool, random: Random
) -> tuple[dict[int, Lane], list[Rejection]]:
    """Return the lanes by ledger shard, and the events that no record can hold."""
    lanes: dict[int, Lane] = {}
    rejections = []
    for event in events:
        encoded = encode_event(event)
        if len(encoded) + 2 > RECORD_BYTES_MAX - _KEY_BYTES:
            rejections.append(
                Rejection(
                    event, f"it has {len(encoded):,} bytes as JSON; a Kinesis record holds {RECORD_BYTES_MAX:,} with its key"
                )
            )
            continue
        lane = lanes.get(event.shard)
        if lane is None:
            lane = lanes[event.shard] = Lane(event.shard, shards, is_late, random)
        lane.add((event.sequence, event.index), encoded)
    return lanes, rejections


def next_call(lanes: Sequence[Lane]) -> list[tuple[Lane, dict[str, Any]]]:
    """Return the records in front of these lanes, or of as many as one call takes."""
    chosen: list[tuple[Lane, dict[str, Any]]] = []
    size = 0
    for lane in lanes[:CALL_RECORDS_MAX]:
        record = lane.record()
        size += len(record["Data"]) + _KEY_BYTES
        if chosen and size > CALL_BYTES_MAX:
            break
        chosen.append((lane, record))
    return chosen
