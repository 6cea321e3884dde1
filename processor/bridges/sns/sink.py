"""Publishes events to SNS.

A standard topic keeps no order, so several calls run at a time, each with as many events as fit. A FIFO topic keeps the order of each
shard: as SNS may take the second of two messages and not the first, a call holds at most one event of a shard, and the next follows
when that one is through. Its rate therefore grows with the number of shards: about one event per shard and round trip.

Repeats: a batch may come again, and so may any event of it. A FIFO topic drops them for five minutes; subscribers drop them by `ce-id`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from processor.aws.calls import AwsCalls
from processor.aws.failed import AwsFailed
from processor.bridges.sink import Rejection, SinkUnavailable, Terms
from processor.bridges.sns import form
from processor.bridges.sns.notification import MESSAGE_BYTES_MAX, Notification, notification_of
from processor.bridges.sns.topic import BATCH_NOTIFICATIONS_MAX, Failure, Topic
from processor.client.together import run_together
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import PublishedEvent
from processor.settings import Settings

CALLS_MAX = 8
"""At a time."""
ATTEMPTS_MAX = 5
"""For one event that SNS does not take while it takes others; calls that fail as a whole have attempts of their own."""
FIRST_PAUSE_SECONDS = 0.1
BATCH_EVENTS_MAX = 1_000
"""Enough for many calls, and few enough to come again after a failure."""

Place = int
"""Of an event in the batch."""


_ABOUT_AN_ENTRY = ("InvalidParameter", "ParameterValueInvalid", "BatchRequestTooLong", "InvalidBatchEntryId")


class BadCall(Exception):
    """SNS refuses a call as a whole because of what is in it."""


class SnsSink:
    """The topic that the settings name."""

    terms = Terms(batch_events_max=BATCH_EVENTS_MAX)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._calls = AwsCalls(settings, "sns", min(CALLS_MAX, settings.aws_max_pool_connections), prepare=form.register)
        self._topic: Topic | None = None

    async def open(self) -> None:
        """Find the topic. Raises SinkUnavailable."""
        try:
            await self._calls.open()
            self._topic = await Topic.find(self._calls, self._settings)
        except AwsFailed as error:
            raise SinkUnavailable(str(error)) from error

    async def publish(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection]:
        """Publish all events; return those that are too large. Raises SinkUnavailable."""
        if self._topic is None:
            raise SinkUnavailable("the bridge to SNS is not open")
        delivery = _Delivery(self._topic, events)
        try:
            await (delivery.in_order() if self._topic.is_fifo else delivery.in_any_order())
        except AwsFailed as error:
            if error.code.startswith(_ABOUT_AN_ENTRY):
                # SNS does not say which one. The bridge finds it, by publishing parts.
                raise BadCall(str(error)) from error
            raise SinkUnavailable(str(error)) from error
        return [Rejection(events[place], reason) for place, reason in sorted(delivery.rejected.items())]

    async def close(self) -> None:
        """Let the connections go."""
        self._calls.close()


class _Delivery:
    """One batch on its way. `rejected`: why, by place in the batch."""

    def __init__(self, topic: Topic, events: Sequence[PublishedEvent]) -> None:
        self.rejected: dict[Place, str] = {}
        self._topic = topic
        self._attempts: dict[Place, int] = {}
        self._notifications: dict[Place, Notification] = {}
        for place, event in enumerate(events):
            notification = notification_of(encode_event(event))
            if notification.size_bytes > MESSAGE_BYTES_MAX:
                size = f"{notification.size_bytes} bytes with its attributes"
                self.rejected[place] = f"SNS takes messages of up to {MESSAGE_BYTES_MAX} bytes; this one has {size}"
            else:
                self._notifications[place] = notification

    async def in_any_order(self) -> None:
        """Publish all. Raises AwsFailed, SinkUnavailable."""
        waiting = deque(self._notifications)

        async def work() -> None:
            while waiting:
                batch = self._first_of(waiting)
                while batch:
                    batch = await self._publish(batch)

        await run_together(work() for _ in range(CALLS_MAX))

    async def in_order(self) -> None:
        """Publish all, those of one shard one after another. Raises AwsFailed, SinkUnavailable."""
        by_shard: dict[int, deque[Place]] = {}
        for place, notification in self._notifications.items():
            by_shard.setdefault(notification.shard, deque()).append(place)
        lines = list(by_shard.values())

        async def work(own: list[deque[Place]]) -> None:
            while own := [line for line in own if line]:
                sent = self._first_of(deque(line[0] for line in own))
                left = set(await self._publish(sent))
                through = set(sent) - left
                for line in own:
                    if line[0] in through:
                        line.popleft()
                # Those that did not fit, or did not go through, come first now.
                own.sort(key=lambda line: bool(line) and line[0] in through)

        groups = [lines[start : start + BATCH_NOTIFICATIONS_MAX] for start in range(0, len(lines), BATCH_NOTIFICATIONS_MAX)]
        await run_together(work(group) for group in groups)

    def _first_of(self, waiting: deque[Place]) -> list[Place]:
        """Take as many from the front as fit into one call."""
        batch: list[Place] = []
        size = 0
        while waiting and len(batch) < BATCH_NOTIFICATIONS_MAX:
            size += self._notifications[waiting[0]].size_bytes
            if batch and size > MESSAGE_BYTES_MAX:
                break
            batch.append(waiting.popleft())
        return batch

    async def _publish(self, batch: list[Place]) -> list[Place]:
        """Publish one call's worth; return what has to be tried again, after a pause. Raises AwsFailed, SinkUnavailable."""
        failures = await self._topic.publish([self._notifications[place] for place in batch])
        again = [place for index, place in enumerate(batch) if index in failures and not self._is_over(place, failures[index])]
        if again:
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 2 ** max(self._attempts[place] - 1 for place in again))
        return again

    def _is_over(self, place: Place, failure: Failure) -> bool:
        """Count a failed attempt; return whether it was the last, as the event is rejected. Raises SinkUnavailable."""
        if failure.is_final:
            self.rejected[place] = failure.reason
            return True
        attempts = self._attempts[place] = self._attempts.get(place, 0) + 1
        if attempts == ATTEMPTS_MAX:
            raise SinkUnavailable(f"{failure.reason}, {attempts} times; it is tried again")
        return False
