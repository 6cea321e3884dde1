"""Reads the payment processor's events from Kinesis: for teams that want all of them, in order, each once, over restarts.

Copy this file: it needs nothing but boto3.

    import boto3
    from consume import Consumer, FileCheckpoints

    consumer = Consumer(boto3.client("kinesis"), "payments-events", FileCheckpoints("my-service.json"))
    for event in consumer.events():
        handle(event)

An event is a CloudEvent as a dict; its types and their schemas are at `/v1/events/schemas`. Amounts are integers in minor units,
those beyond 2^53-1 as decimal text: `int(value)` reads both.

- **Order.** Events of one ledger shard (`partitionkey`), and so of one account, come in the order of the ledger, also while the
  stream is split or merged: a Kinesis shard is read to its end before those that replace it. Between ledger shards there is no order.
- **Repeats.** The stream may hold an event several times; repeats are dropped by its `id` (`shard:sequence:index`), of which, in one
  ledger shard, the two last numbers only grow.
- **Late events.** Rarely, one that the processor had put aside as a dead letter is published again by an operator, after later ones
  of its ledger shard. It is yielded too, once. If you keep the newest state of something, also keep the `id` that it came with.
- **Restarts.** An event counts as handled when you ask for the next one. What was handled is saved about once a second, and when
  the loop ends, also by an exception. After a crash, what was handled since the last save comes again: handle events in a way
  that may be repeated, or save your results and the checkpoint together (`Checkpoints` is a small interface).
- **Loss.** Kinesis drops records after the stream's retention. If some may have been dropped unread, EventsLost is raised, and it is
  for you to decide: fill the gap from `GET /v1/events`, then begin with a new checkpoint.
- **Limits.** One consumer reads all shards with one checkpoint; do not run two with the same. It shares a shard's read limits
  (5 calls and 2 MiB a second) with all others who read the stream without enhanced fan-out. It waits out throttling.

IAM: kinesis:DescribeStreamSummary, kinesis:ListShards, kinesis:GetShardIterator, kinesis:GetRecords; for DynamoCheckpoints also
dynamodb:GetItem and dynamodb:PutItem.
"""

import json
import logging
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

logger = logging.getLogger(__name__)

Event = dict[str, Any]
State = dict[str, Any]
Position = tuple[int, int]

LATE_SUFFIX = "-late"
LATE_IDS_MAX = 2_000
_PAUSE_SECONDS_MAX = 30.0
_LOOK_SECONDS = 0.25
_SAFE_SHARE = 0.9
_TRANSIENT = {
    "InternalFailure",
    "InternalFailureException",
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ServiceUnavailable",
    "ThrottlingException",
}


class BadRecord(Exception):
    """A record of the stream is not what the payment processor writes."""


class EventsLost(Exception):
    """Kinesis may have dropped records before they were read."""


class AnotherConsumer(Exception):
    """Somebody else has saved a checkpoint under this name."""


class Checkpoints(Protocol):
    """Where what has been handled is kept: one JSON object, replaced as a whole."""

    def load(self) -> State | None:
        """Return what was saved last, None at first."""

    def save(self, state: State) -> None:
        """Keep this, durably."""


class FileCheckpoints:
    """Keeps the checkpoint in a file, which is replaced whole or not at all."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name the file; its folder must exist."""
        self._path = Path(path)

    def load(self) -> State | None:
        """Return what was saved last, None at first."""
        state: State | None = json.loads(self._path.read_bytes()) if self._path.exists() else None
        return state

    def save(self, state: State) -> None:
        """Keep this, durably."""
        unfinished = self._path.with_name(self._path.name + ".unfinished")
        with unfinished.open("w") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)


class DynamoCheckpoints:
    """Keeps the checkpoint as one item of a DynamoDB table whose key is the text attribute `consumer`.

    Two consumers of one name are found out: `save` raises AnotherConsumer in the one that is behind.
    """

    def __init__(self, client: Any, table: str, consumer: str) -> None:
        """`client` is `boto3.client("dynamodb")`; `consumer` is the name under which the checkpoint is kept."""
        self._client = client
        self._table = table
        self._consumer = consumer
        self._writer = uuid.uuid4().hex
        self._version = 0

    def load(self) -> State | None:
        """Return what was saved last, None at first."""
        item = self._read()
        if item is None:
            return None
        self._version = int(item["version"]["N"])
        state: State = json.loads(item["state"]["S"])
        return state

    def save(self, state: State) -> None:
        """Keep this, durably. Raises AnotherConsumer."""
        item = {
            "consumer": {"S": self._consumer},
            "version": {"N": str(self._version + 1)},
            "writer": {"S": self._writer},
            "state": {"S": json.dumps(state)},
        }
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(#version) OR #version = :version",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":version": {"N": str(self._version)}},
            )
        except ClientError as error:
            # boto3 may have sent it twice, because the first answer was lost.
            if _code(error) != "ConditionalCheckFailedException":
                raise
            if self._read() != item:
                raise AnotherConsumer(
                    f"another consumer saves checkpoints as {self._consumer} in {self._table}: run one of a name"
                ) from error
        self._version += 1

    def _read(self) -> dict[str, Any] | None:
        key = {"consumer": {"S": self._consumer}}
        item: dict[str, Any] | None = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return item


class Consumer:
    """Reads one stream. Not for several threads."""

    def __init__(
        self,
        client: Any,
        stream: str,
        checkpoints: Checkpoints,
        *,
        start: str = "oldest",
        poll_seconds: float = 0.25,
        save_seconds: float = 1.0,
        on_bad_record: Callable[[dict[str, Any], BadRecord], None] | None = None,
    ) -> None:
        """`client` is `boto3.client("kinesis")`. `start`, which counts at the first start only: `oldest` or `newest`.

        `poll_seconds`: pause between two looks at one Kinesis shard. `on_bad_record` gets records of the stream that are not the
        payment processor's; without it, they raise.
        """
        if start not in ("oldest", "newest"):
            raise ValueError(f"start is {start!r}; allowed: oldest, newest")
        self._client = client
        self._stream = stream
        self._checkpoints = checkpoints
        self._start = start
        self._poll_seconds = poll_seconds
        self._save_seconds = save_seconds
        self._on_bad_record = on_bad_record
        self._readers: dict[str, _Reader] = {}
        self._positions: dict[int, Position] = {}
        self._late: dict[str, None] = {}
        self._saved_at = 0.0
        self._is_stopped = False

    def events(self, follow: bool = True) -> Iterator[Event]:
        """Yield events for ever, or, without `follow`, until all has been yielded that is in the stream.

        Raises BadRecord, EventsLost, AnotherConsumer, and what boto3 raises if it is not allowed in or the stream does not exist.
        """
        self._is_stopped = False
        self._open()
        try:
            while not self._is_stopped:
                for reader in [reader for reader in self._readers.values() if self._is_open(reader)]:
                    if reader.next_look <= time.monotonic() and not self._is_stopped:
                        yield from self._look(reader)
                if not follow and all(reader.is_level or reader.finished for reader in self._readers.values()):
                    return
                self._save(after_seconds=self._save_seconds)
                self._rest()
        finally:
            self._save()

    def stop(self) -> None:
        """End the loop after the event that is being handled. May be called by another thread or a signal handler."""
        self._is_stopped = True

    def _open(self) -> None:
        state = self._checkpoints.load()
        if state is not None and state["stream"] != self._stream:
            raise ValueError(f"the checkpoint is of the stream {state['stream']}, not of {self._stream}")
        kept: State = state or {"kinesis": {}, "ledger": {}, "late": []}
        self._readers = {name: _Reader(name, **place) for name, place in kept["kinesis"].items()}
        self._positions = {int(shard): (sequence, index) for shard, (sequence, index) in kept["ledger"].items()}
        self._late = dict.fromkeys(kept["late"])
        self._find_shards(since=time.time() if state is None and self._start == "newest" else None)
        self._saved_at = time.monotonic()

    def _save(self, after_seconds: float = 0.0) -> None:
        if time.monotonic() - self._saved_at < after_seconds:
            return
        self._checkpoints.save(
            {
                "stream": self._stream,
                "kinesis": {name: reader.place() for name, reader in self._readers.items()},
                "ledger": {str(shard): list(position) for shard, position in self._positions.items()},
                "late": list(self._late),
            }
        )
        self._saved_at = time.monotonic()

    def _find_shards(self, since: float | None = None) -> None:
        """Look which shards the stream has. `since`: read new ones from this time on only."""
        summary = self._client.describe_stream_summary(StreamName=self._stream)["StreamDescriptionSummary"]
        retention_seconds = summary["RetentionPeriodHours"] * 3600.0
        listed = {shard["ShardId"]: shard for shard in self._list_shards()}
        for name, reader in list(self._readers.items()):
            if name not in listed:
                if not reader.finished:
                    raise EventsLost(f"shard {name} of {self._stream} was removed before it was read to its end")
                del self._readers[name]
        for name, shard in listed.items():
            reader = self._readers.setdefault(name, _Reader(name, since=since))
            reader.retention_seconds = retention_seconds
            reader.parents = [shard[key] for key in ("ParentShardId", "AdjacentParentShardId") if shard.get(key)]

    def _list_shards(self) -> Iterator[dict[str, Any]]:
        # Not boto3's paginator: it names the stream again with the token, which Kinesis refuses.
        page = self._client.list_shards(StreamName=self._stream)
        yield from page["Shards"]
        while page.get("NextToken"):
            page = self._client.list_shards(NextToken=page["NextToken"])
            yield from page["Shards"]

    def _is_open(self, reader: "_Reader") -> bool:
        """Return whether it is its turn: all that the shards before it hold has been read."""
        before = [self._readers[parent] for parent in reader.parents if parent in self._readers]
        return not reader.finished and all(parent.finished for parent in before)

    def _look(self, reader: "_Reader") -> Iterator[Event]:
        """Yield the next events of a Kinesis shard, and note how far it has been read."""
        asked_at = time.time()
        answer = reader.ask(self._client, self._stream)
        reader.next_look = max(reader.next_look, time.monotonic() + self._poll_seconds)
        if answer is None:
            return
        for record in answer["Records"]:
            yield from self._unpack(record)
            reader.sequence_number = record["SequenceNumber"]
            reader.read_until = record["ApproximateArrivalTimestamp"].timestamp()
        reader.is_level = not answer.get("MillisBehindLatest")
        if reader.is_level:
            reader.read_until = asked_at
        reader.iterator = answer.get("NextShardIterator")
        if reader.iterator is None:
            reader.finished = True
            self._find_shards()

    def _unpack(self, record: dict[str, Any]) -> Iterator[Event]:
        try:
            events = _decode(record)
        except BadRecord as error:
            if self._on_bad_record is None:
                raise
            self._on_bad_record(record, error)
            return
        is_late = record["PartitionKey"].endswith(LATE_SUFFIX)
        for shard, position, event in events:
            if position <= self._positions.get(shard, (-1, -1)) and (not is_late or event["id"] in self._late):
                continue
            yield event
            # It has been handled, or we would not be here.
            if position > self._positions.get(shard, (-1, -1)):
                self._positions[shard] = position
            if is_late:
                self._late[event["id"]] = None
                if len(self._late) > LATE_IDS_MAX:
                    del self._late[next(iter(self._late))]
            self._save(after_seconds=self._save_seconds)

    def _rest(self) -> None:
        now = time.monotonic()
        soonest = min(
            (reader.next_look for reader in self._readers.values() if self._is_open(reader)), default=now + _LOOK_SECONDS
        )
        time.sleep(max(0.0, min(soonest - now, _LOOK_SECONDS)))


class _Reader:
    """One Kinesis shard, and how far it has been read: behind `sequence_number`, or from the time `since` on; all that arrived before
    `read_until` has been."""

    def __init__(
        self,
        name: str,
        sequence_number: str | None = None,
        since: float | None = None,
        read_until: float | None = None,
        finished: bool = False,
    ) -> None:
        self.name = name
        self.sequence_number = sequence_number
        self.since = since
        # By our own clock or by Kinesis's: good for comparing with a day, not for asking Kinesis for records.
        self.read_until = read_until
        self.finished = finished
        self.parents: list[str] = []
        self.retention_seconds = 0.0
        self.iterator: str | None = None
        self.is_level = False
        self.next_look = 0.0
        self._failures = 0
        # One that begins at the oldest record is as far behind as can be.
        self._may_lose = read_until is not None

    def place(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of it."""
        return {
            "sequence_number": self.sequence_number,
            "since": self.since,
            "read_until": self.read_until,
            "finished": self.finished,
        }

    def ask(self, client: Any, stream: str) -> dict[str, Any] | None:
        """Return what Kinesis answers; None if it has to be asked again, later. Raises EventsLost."""
        self._check_retention(stream)
        try:
            if self.iterator is None:
                self.iterator = client.get_shard_iterator(StreamName=stream, ShardId=self.name, **self._beginning())[
                    "ShardIterator"
                ]
            answer: dict[str, Any] = client.get_records(ShardIterator=self.iterator)
        except ClientError as error:
            if _code(error) == "ExpiredIteratorException":
                self.iterator = None
                return None
            if _code(error) not in _TRANSIENT:
                raise
            self._wait(error)
            return None
        except (HTTPClientError, NoConnection) as error:
            self._wait(error)
            return None
        self._failures = 0
        return answer

    def _check_retention(self, stream: str) -> None:
        age_seconds = time.time() - self.read_until if self.read_until is not None else 0.0
        if age_seconds < _SAFE_SHARE * self.retention_seconds:
            self._may_lose = self.read_until is not None
        elif age_seconds > self.retention_seconds and self._may_lose:
            raise EventsLost(
                f"shard {self.name} of {stream} keeps records for {self.retention_seconds / 3600:g} h, and has been read to where it "
                f"was {age_seconds / 3600:.1f} h ago"
            )

    def _beginning(self) -> dict[str, Any]:
        if self.sequence_number is not None:
            return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": self.sequence_number}
        if self.since is not None:
            return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self.since}
        return {"ShardIteratorType": "TRIM_HORIZON"}

    def _wait(self, error: Exception) -> None:
        pause = min(0.5 * 2.0**self._failures, _PAUSE_SECONDS_MAX) * random.uniform(0.5, 1.0)
        self._failures = min(self._failures + 1, 10)
        self.is_level = False
        self.next_look = time.monotonic() + pause
        logger.warning("shard %s cannot be read now, next try in %.1f s: %s", self.name, pause, error)


def _decode(record: dict[str, Any]) -> list[tuple[int, Position, Event]]:
    """Return the events of a record with their ledger shard and their position in it. Raises BadRecord."""
    try:
        events = json.loads(record["Data"])
        found = []
        for event in events:
            shard, sequence, index = (int(number) for number in event["id"].split(":"))
            found.append((shard, (sequence, index), event))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadRecord(
            f"record {record['SequenceNumber']} is not a JSON array of the payment processor's events: {error}"
        ) from error
    return found


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
