"""Looks at messages of a queue without taking them out.

SQS cannot do that. So messages are received, kept for a short while, and then let go: what is seen is a sample and not a snapshot, SQS
may leave some out, others cannot receive these meanwhile, and each message's count of receipts rises by one.
"""

from time import monotonic

from processor.aws.failed import AwsFailed
from processor.bridges.queues.sqs_queue import BATCH_MESSAGES_MAX, Message, SqsQueue

SECONDS_MAX = 10.0
VISIBILITY_SECONDS = 30
WAIT_SECONDS = 1
"""Long enough that SQS asks all of its servers, of which each holds a part of the queue."""
_ROUNDS_MAX = 40


async def sample(queue: SqsQueue, limit: int) -> list[Message]:
    """Return up to `limit` messages, oldest first, which may be received by others again. Raises AwsFailed."""
    seen: dict[str, Message] = {}
    deadline = monotonic() + SECONDS_MAX
    try:
        for _ in range(_ROUNDS_MAX):
            count = min(BATCH_MESSAGES_MAX, limit - len(seen))
            received = await queue.receive(VISIBILITY_SECONDS, WAIT_SECONDS, count)
            seen.update((message.id, message) for message in received)
            if not received or len(seen) >= limit or monotonic() >= deadline:
                break
    finally:
        await let_go(queue, list(seen.values()))
    return sorted(seen.values(), key=lambda message: message.sent_at)


async def let_go(queue: SqsQueue, messages: list[Message]) -> None:
    """Let others have them at once. If that fails they wait a little longer."""
    try:
        await queue.put_off(messages, [0] * len(messages))
    except AwsFailed:
        pass
