"""One SNS topic, standard or FIFO: up to ten notifications in one call."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import msgspec

from processor.aws.calls import AwsCalls
from processor.aws.topic_arn import topic_arn
from processor.bridges.sns.notification import Notification
from processor.settings import Settings

BATCH_NOTIFICATIONS_MAX = 10


class Failure(msgspec.Struct, frozen=True):
    """Why SNS did not take one notification of a batch; `is_final`: it never will."""

    reason: str
    is_final: bool


class Topic:
    """A topic that exists."""

    def __init__(self, calls: AwsCalls, arn: str) -> None:
        self.arn = arn
        self.is_fifo = arn.endswith(".fifo")
        self._calls = calls

    @classmethod
    async def find(cls, calls: AwsCalls, settings: Settings) -> Self:
        """Return the topic that the settings name. Raises AwsFailed."""
        target = f"the SNS topic {settings.sns_topic}"
        arn: str = await calls.run(partial(topic_arn, settings), target)
        await calls.call("get_topic_attributes", target, TopicArn=arn)
        return cls(calls, arn)

    async def publish(self, notifications: Sequence[Notification]) -> dict[int, Failure]:
        """Publish up to ten, 256 KiB together; return the failures by their place. What is not in there is durable.

        Raises AwsFailed: any of them may have been published or not.
        """
        entries = [self._entry(str(index), notification) for index, notification in enumerate(notifications)]
        answer = await self._calls.call("publish_batch", str(self), TopicArn=self.arn, PublishBatchRequestEntries=entries)
        return {int(failure["Id"]): self._failure(failure) for failure in answer.get("Failed", ())}

    def __str__(self) -> str:
        return f"the SNS topic {self.arn.rpartition(':')[2]}"

    def _entry(self, number: str, notification: Notification) -> dict[str, Any]:
        entry = {"Id": number, "Message": notification.message, "MessageAttributes": notification.attributes}
        if self.is_fifo:
            # Within five minutes SNS itself drops a repeat of the name.
            entry |= {"MessageGroupId": f"shard-{notification.shard}", "MessageDeduplicationId": notification.name}
        return entry

    def _failure(self, failure: dict[str, Any]) -> Failure:
        code = str(failure.get("Code"))
        # Only what is wrong with the message itself is final: a key that is disabled, say, is the sender's fault too.
        return Failure(f"{self} did not take it ({code}: {failure.get('Message', '')})", code.startswith("InvalidParameter"))
