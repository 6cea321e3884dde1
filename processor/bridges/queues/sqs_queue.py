"""One SQS queue, standard or FIFO: messages are received, sent, put off and deleted, many in one call as far as SQS allows."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import msgspec

from processor.aws.calls import AwsCalls
from processor.aws.errors import Fault
from processor.aws.failed import AwsFailed

BATCH_MESSAGES_MAX = 10
"""How many messages SQS takes in one call."""
BATCH_BYTES_MAX = 256 * 1024
"""How much we put in one call. A single message may be larger: SQS takes up to 1 MiB."""
ATTRIBUTES_MAX = 10
"""How many attributes a message may have."""
VISIBILITY_SECONDS_MAX = 12 * 60 * 60

Attributes = dict[str, dict[str, Any]]
"""Message attributes as boto3 has them: name -> {"DataType", "StringValue" or "BinaryValue"}."""


class Message(msgspec.Struct, frozen=True):
    """A message that was received. `receipt` is what it is put off and deleted by; `sent_at` in microseconds since 1970."""

    id: str
    receipt: str
    body: str
    attributes: Attributes
    sent_at: int
    receive_count: int
    group: str | None = None
    source_arn: str | None = None
    """The queue from which SQS itself has moved the message here, after too many attempts."""

    def text(self, attribute: str) -> str | None:
        """Return the value of a text attribute."""
        value = self.attributes.get(attribute, {}).get("StringValue")
        return None if value is None else str(value)


class Outgoing(msgspec.Struct, frozen=True):
    """A message to send. `id` is the caller's name for it; `group` and `deduplication` are for FIFO queues alone."""

    id: str
    body: str
    attributes: Attributes
    group: str
    deduplication: str


class SqsQueue:
    """A queue that exists."""

    def __init__(self, calls: AwsCalls, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self.is_fifo = url.endswith(".fifo")
        self._calls = calls

    @classmethod
    async def find(cls, calls: AwsCalls, name: str, owner: str | None = None) -> Self:
        """Return the queue with this name or URL; `owner` is the number of another AWS account. Raises AwsFailed."""
        if "://" in name:
            return cls(calls, name.rpartition("/")[2], name)
        account = {"QueueOwnerAWSAccountId": owner} if owner else {}
        answer = await calls.call("get_queue_url", _words(name), QueueName=name, **account)
        return cls(calls, name, answer["QueueUrl"])

    async def receive(self, visibility_seconds: int, wait_seconds: int, count: int = BATCH_MESSAGES_MAX) -> list[Message]:
        """Return up to `count` (at most 10) messages, which nobody else gets for `visibility_seconds`. Raises AwsFailed."""
        answer = await self._call(
            "receive_message",
            MaxNumberOfMessages=count,
            VisibilityTimeout=visibility_seconds,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [_message(entry) for entry in answer.get("Messages", ())]

    async def send(self, messages: Sequence[Outgoing]) -> dict[str, str]:
        """Send them all; return the reasons, by id, of those that SQS did not take. What is not in there is durable.

        Raises AwsFailed: any of them may have been sent or not.
        """
        failed: dict[str, str] = {}
        for batch in _batches(messages):
            entries = [self._entry(str(index), message) for index, message in enumerate(batch)]
            try:
                answer = await self._call("send_message_batch", Entries=entries)
            except AwsFailed as error:
                if error.fault is Fault.REFUSED and len(batch) == 1:  # too large, say: the others need not wait for it
                    failed[batch[0].id] = str(error)
                    continue
                raise
            for failure in answer.get("Failed", ()):
                reason = f"{self} did not take it ({failure.get('Code')}: {failure.get('Message', '')})"
                failed[batch[int(failure["Id"])].id] = reason
        return failed

    async def delete(self, messages: Sequence[Message]) -> set[str]:
        """Delete them; return the ids of those that are still there. Raises AwsFailed."""
        return await self._for_all("delete_message_batch", messages, [{}] * len(messages))

    async def put_off(self, messages: Sequence[Message], seconds: Iterable[int]) -> set[str]:
        """Let nobody get them for so long from now on, 0: let them be had at once. Return the ids of those for which that failed.

        Raises AwsFailed.
        """
        timeouts = [{"VisibilityTimeout": min(pause, VISIBILITY_SECONDS_MAX)} for pause in seconds]
        return await self._for_all("change_message_visibility_batch", messages, timeouts)

    async def count(self) -> int:
        """Return about how many messages may be received. Raises AwsFailed."""
        name = "ApproximateNumberOfMessages"
        answer = await self._call("get_queue_attributes", AttributeNames=[name])
        return int(answer["Attributes"][name])

    def __str__(self) -> str:
        return _words(self.name)

    def _entry(self, number: str, message: Outgoing) -> dict[str, Any]:
        entry: dict[str, Any] = {"Id": number, "MessageBody": message.body, "MessageAttributes": message.attributes}
        if self.is_fifo:
            entry |= {"MessageGroupId": message.group, "MessageDeduplicationId": message.deduplication}
        return entry

    async def _for_all(self, operation: str, messages: Sequence[Message], more: Sequence[Mapping[str, int]]) -> set[str]:
        batches = []
        for start in range(0, len(messages), BATCH_MESSAGES_MAX):
            part = messages[start : start + BATCH_MESSAGES_MAX]
            entries = [
                {"Id": str(start + index), "ReceiptHandle": message.receipt, **more[start + index]}
                for index, message in enumerate(part)
            ]
            batches.append(self._call(operation, Entries=entries))
        answers = await asyncio.gather(*batches)
        return {messages[int(failure["Id"])].id for answer in answers for failure in answer.get("Failed", ())}

    async def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return await self._calls.call(operation, str(self), QueueUrl=self.url, **arguments)


def _words(name: str) -> str:
    return f"the SQS queue {name}"


def _batches(messages: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    batch: list[Outgoing] = []
    size = 0
    for message in messages:
        message_bytes = len(message.body.encode()) + attribute_bytes(message.attributes)
        if batch and (len(batch) == BATCH_MESSAGES_MAX or size + message_bytes > BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += message_bytes
    if batch:
        yield batch


def attribute_bytes(attributes: Attributes) -> int:
    """Return how much of a message's size its attributes are: names, types and values."""
    size = 0
    for name, value in attributes.items():
        content = value.get("StringValue") or value.get("BinaryValue") or ""
        size += len(name.encode()) + len(value["DataType"]) + len(content.encode() if isinstance(content, str) else content)
    return size


def _message(entry: Mapping[str, Any]) -> Message:
    system = entry.get("Attributes", {})
    return Message(
        entry["MessageId"],
        entry["ReceiptHandle"],
        entry["Body"],
        entry.get("MessageAttributes", {}),
        int(system.get("SentTimestamp", 0)) * 1_000,
        int(system.get("ApproximateReceiveCount", 1)),
        system.get("MessageGroupId"),
        system.get("DeadLetterQueueSourceArn"),
    )
