"""The sink for a Kinesis data stream: each record is a JSON array of CloudEvents of one ledger shard, in their order."""

import asyncio
from collections.abc import Sequence
from functools import partial
from random import Random
from time import monotonic
from typing import Any

from processor.aws.calls import AwsCalls, AwsFailed
from processor.aws.errors import Fault
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
        self._shards = settings.shards
        self._stream = settings.kinesis_stream
        self._target = f"the Kinesis stream {self._stream}"
        self._random = random or Random()
        # More threads would not help: of one ledger shard, and so mostly of all, one call has to wait for the other.
        self._kinesis = AwsCalls(settings, "kinesis", threads=1)
        # How far a batch that failed had come, by ledger shard: what has arrived need not be sent again with it.
        self._arrived: dict[int, Place] = {}

    async def open(self) -> None:
        """Check that the stream is there."""
        try:
            await self._kinesis.open()
            summary = await self._kinesis.call("describe_stream_summary", self._target, StreamName=self._stream)
        except AwsFailed as error:
            raise self._unavailable(error) from error
        status = summary["StreamDescriptionSummary"]["StreamStatus"]
        if status not in _USABLE:
            raise SinkUnavailable(f"{self._target} is {status.lower()}: wait until it is active")

    async def publish(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection]:
        """Send all events, of each ledger shard one record after the other. Repeats of a part of them are possible."""
        return await self._publish(events, is_late=False)

    async def publish_late(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection]:
        """Send events that others of their shard may have overtaken, marked as such by their partition key."""
        return await self._publish(events, is_late=True)

    async def close(self) -> None:
        """Let the connections go."""
        self._arrived.clear()
        self._kinesis.close()

    async def _publish(self, events: Sequence[PublishedEvent], is_late: bool) -> list[Rejection]:
        arrived = {} if is_late else self._arrived
        waiting = [event for event in events if (event.sequence, event.index) > arrived.get(event.shard, (-1, -1))]
        pack = partial(make_lanes, waiting, self._shards, is_late, self._random)
        lanes: dict[int, Lane]
        rejections: list[Rejection]
        lanes, rejections = await self._kinesis.run(pack, self._target)
        while lanes:
            ready = [lane for lane in lanes.values() if lane.ready_at <= monotonic()]
            if not ready:
                await asyncio.sleep(max(0.0, min(lane.ready_at for lane in lanes.values()) - monotonic()))
                continue
            for lane in await self._send(ready, arrived):
                # To the end, so that all get their turn if one call does not take them all.
                del lanes[lane.shard]
                if not lane.is_empty:
                    lanes[lane.shard] = lane
        arrived.clear()
        return rejections

    async def _send(self, ready: Sequence[Lane], arrived: dict[int, Place]) -> list[Lane]:
        """Send the records in front, and note in `arrived` how far lanes have come; return those that were in the call.

        Raises SinkUnavailable.
        """
        call = next_call(ready)
        records = [record for _, record in call]
        try:
            answers = await self._kinesis.call("put_records", self._target, StreamName=self._stream, Records=records)
        except AwsFailed as error:
            raise self._unavailable(error) from error
        problem = ""
        for (lane, _), answer in zip(call, answers["Records"], strict=True):
            if "ErrorCode" not in answer:
                arrived[lane.shard] = lane.sent()
                continue
            lane.failed(monotonic())
            if lane.failures >= FAILURES_MAX:
                problem = self._failing(answer)
        if problem:
            raise SinkUnavailable(problem)
        return [lane for lane, _ in call]

    def _unavailable(self, error: AwsFailed) -> SinkUnavailable:
        if error.fault is Fault.MISSING:
            # The one that is made in its place has nothing.
            self._arrived.clear()
        return SinkUnavailable(str(error))

    def _failing(self, answer: dict[str, Any]) -> str:
        code = answer["ErrorCode"]
        if code == _THROTTLED:
            return f"{self._target} is throttled ({code}): it takes 1 MiB a second for each of its shards; give it more"
        return f"{self._target} does not take records ({code}: {answer.get('ErrorMessage', 'no reason')}): it is tried again"
