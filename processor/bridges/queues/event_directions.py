"""Where an event goes that a consumer gave up on: back to the consumer's queue if that is known, else once more to the SNS topic."""

import asyncio
import re
from collections.abc import Sequence

import msgspec

from processor.aws.calls import AwsCalls
from processor.aws.errors import Fault
from processor.aws.failed import AwsFailed
from processor.bridges.queues.letter import SOURCE_QUEUE
from processor.bridges.queues.original import event_in
from processor.bridges.queues.redrive import BackToQueue, CannotMove, Destination
from processor.bridges.queues.sqs_queue import Message, SqsQueue
from processor.bridges.sns.notification import MESSAGE_BYTES_MAX, NotAnEvent, Notification
from processor.bridges.sns.topic import Topic
from processor.settings import Settings

_is_queue_name = re.compile(r"[A-Za-z0-9_-]{1,80}(\.fifo)?").fullmatch


class ToTopic:
    """Events are published again, each in a call of its own: there are never many of them."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic

    async def take(self, messages: Sequence[Message]) -> dict[str, str]:
        """Publish them."""
        failures = await asyncio.gather(*(self._topic.publish([_again(message)]) for message in messages))
        return {message.id: failed[0].reason for message, failed in zip(messages, failures, strict=True) if failed}

    def __str__(self) -> str:
        return str(self._topic)


def _again(message: Message) -> Notification:
    # A FIFO topic drops what repeats a name of the last five minutes, so it is not called by the event's here.
    return msgspec.structs.replace(event_in(message.body), name=f"redrive-{message.id}")


class ToConsumers:
    """The directions of events. Queues and topic are looked up when the first message needs them."""

    def __init__(self, settings: Settings, sqs: AwsCalls, sns: AwsCalls) -> None:
        self._settings = settings
        self._sqs = sqs
        self._sns = sns
        self._known: dict[str, Destination] = {}
        own = settings.sqs_instruction_queue, settings.sqs_instruction_dead_letter_queue, settings.sqs_dead_letter_queue
        self._own = {name.rpartition("/")[2] for name in own}

    async def destination(self, message: Message) -> Destination:
        """Return the queue or the topic. Raises CannotMove, AwsFailed."""
        # SQS itself tells the source of what it has moved. The attribute may be written by whoever can send to the queue.
        told = message.text(SOURCE_QUEUE)
        if message.source_arn is None and told and not _is_queue_name(told):
            raise CannotMove(f"its attribute {SOURCE_QUEUE} is not the name of a queue: {told[:100]!r}")
        source = message.source_arn or told
        if source:
            return await self._queue(source)
        try:
            event = event_in(message.body)
        except NotAnEvent as error:
            raise CannotMove(f"it does not say which queue it came from, and it cannot be published again: {error}") from None
        if event.size_bytes > MESSAGE_BYTES_MAX:
            raise CannotMove(f"it does not say which queue it came from, and its {event.size_bytes} bytes are too large for SNS")
        return await self._topic()

    async def _queue(self, source: str) -> Destination:
        if source not in self._known:
            name, owner = self._name_and_owner(source)
            if name in self._own:
                raise CannotMove(f"it says that it came from the queue {name}, which takes no events")
            try:
                self._known[source] = BackToQueue(await SqsQueue.find(self._sqs, name, owner))
            except AwsFailed as error:
                if error.fault in (Fault.MISSING, Fault.DENIED, Fault.REFUSED):
                    raise CannotMove(f"it cannot go back to where it came from: {error}") from None
                raise
        return self._known[source]

    def _name_and_owner(self, source: str) -> tuple[str, str | None]:
        if not source.startswith("arn:"):
            return source, None
        _, _, _, region, account, name = source.split(":", 5)
        if region != self._settings.aws_region:
            raise CannotMove(f"it came from the queue {name} in {region}, and this program works in {self._settings.aws_region}")
        return name, account

    async def _topic(self) -> Destination:
        if "" not in self._known:
            await self._sns.open()
            self._known[""] = ToTopic(await Topic.find(self._sns, self._settings))
        return self._known[""]
