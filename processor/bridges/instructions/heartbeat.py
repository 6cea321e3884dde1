"""Keeps messages from others while they are being worked on, however long that takes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from processor.aws.failed import AwsFailed
from processor.bridges.queues.sqs_queue import Message, SqsQueue

VISIBILITY_SECONDS = 60
"""After so long without a sign of life others get the messages."""
BEAT_SECONDS = 20.0


@asynccontextmanager
async def kept_from_others(queue: SqsQueue, messages: Sequence[Message]) -> AsyncIterator[None]:
    """Keep them until the block ends. If that fails another one may get them too, which does no harm."""
    beating = asyncio.create_task(_beat(queue, messages))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def _beat(queue: SqsQueue, messages: Sequence[Message]) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        with suppress(AwsFailed):
            await queue.put_off(messages, [VISIBILITY_SECONDS] * len(messages))
