"""The sink for a Kinesis data stream: each record is a JSON array of CloudEvents of one ledger shard, in their order."""

import asyncio
from collections.abc import Sequence
from random import Random
from time import monotonic
from typing import Any

from processor.aws.clients import aws_client
from processor.aws.errors import ERRORS, Fault, explain, fault_of
from processor.bridges.kinesis.lanes import Lane, Place, make_lanes, next_call
from processor.bridges.sink import Rejection, SinkUnavailable
from processor.eventlog.event import PublishedEvent
from processor.settings import Settings

FAILURES_MAX = 10
"""So often one record may fail, with growing pauses, before the bridge is told: some ten seconds."""

_THROTTLED = "ProvisionedThroughputExceededException"
_USABLE = ("ACTIVE", "UPDATING")


class KinesisSink:
    """Implements Sink. One call is under way at a time, with at most one record of each ledger shard."""

    def __init__(self, settings: Settings, random: Random | None = None) -> None:
        """Connect at `open`."""
        self._settings = settings
        self._stream = settings.kinesis_stream
        self._target = f"the Kinesis stream {self._stream}"
        self._random = random or Random()
        self._client: Any = None
        # How far a batch that failed had come, by ledger shard: what has arrived need not be sent again with it.
        self._arrived: dict[int, Place] = {}

    async def open(self) -> None:
        """Check that the stream is there."""
        try:
            await asyncio.to_thread(self._check)
        except ERRORS as error:
            raise self._unavailable(error) from error

    async def publish(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection]:
        """Send all events, of each ledger shard one record after the other. Repeats of a part of them are possible."""
        return await self._publish(events, is_late=False)

    async def publish_late(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection]:
        """Send events that others of their shard may have overtaken, marked as such by their partition key."""
        return await self._publish(events, is_late=True)

    async def close(self) -> None:
        """Let the connections go."""
        client, self._client = self._client, None
        self._arrived.clear()
        if client is not None:
            client.close()

    async def _publish(self, events: Sequence[PublishedEvent], is_late: bool) -> list[Rejection]:
        arrived = {} if is_late else self._arrived
        waiting = [event for event in events if (event.sequence, event.index) > arrived.get(event.shard, (-1, -1))]
        lanes, rejections = await asyncio.to_thread(make_lanes, waiting, self._settings.shards, is_late, self._random)
        while lanes:
            ready = [lane for lane in lanes.values() if lane.ready_at <= monotonic()]
            if not ready:
                await asyncio.sleep(max(0.0, min(lane.ready_at for lane in lanes.values()) - monotonic()))
                continue
            for lane in await self._send(ready):
                arrived[lane.shard] = lane.sent()
                # To the end, so that all get their turn if one call does not take them all.
                del lanes[lane.shard]
                if not lane.is_empty:
                    lanes[lane.shard] = lane
        arrived.clear()
        return rejections

    async def _send(self, ready: Sequence[Lane]) -> list[Lane]:
        """Send the records in front; return the lanes whose record has arrived. Raises SinkUnavailable."""
        try:
            call, answers = await asyncio.to_thread(self._put, ready)
        except ERRORS as error:
            raise self._unavailable(error) from error
        arrived = []
        for lane, answer in zip(call, answers, strict=True):
            if "ErrorCode" not in answer:
                arrived.append(lane)
                continue
            lane.failed(monotonic())
            if lane.failures >= FAILURES_MAX:
                raise SinkUnavailable(self._failing(answer))
        return arrived

    def _put(self, ready: Sequence[Lane]) -> tuple[list[Lane], list[dict[str, Any]]]:
        assert self._client is not None, "open comes first"
        call = next_call(ready)
        answer = self._client.put_records(StreamName=self._stream, Records=[record for _, record in call])
        return [lane for lane, _ in call], answer["Records"]

    def _check(self) -> None:
        if self._client is None:
            self._client = aws_client(self._settings, "kinesis")
        status = self._client.describe_stream_summary(StreamName=self._stream)["StreamDescriptionSummary"]["StreamStatus"]
        if status not in _USABLE:
            raise SinkUnavailable(f"{self._target} is {status.lower()}: wait until it is active")

    def _unavailable(self, error: Exception) -> SinkUnavailable:
        if fault_of(error) is Fault.MISSING:
            # The one that is made in its place has nothing.
            self._arrived.clear()
        return SinkUnavailable(explain(error, self._target))

    def _failing(self, answer: dict[str, Any]) -> str:
        code = answer["ErrorCode"]
        if code == _THROTTLED:
            return f"{self._target} is throttled ({code}): it takes 1 MiB a second for each of its shards; give it more"
        return f"{self._target} does not take records ({code}: {answer.get('ErrorMessage', 'no reason')}): it is tried again"
