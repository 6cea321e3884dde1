"""The way from one API replica to one shard host: folds what many requests ask into few calls.

There is no timer. One call is under way at a time; what arrives meanwhile leaves together in the next one, so the busier the host, the
fatter the calls, and an idle lane sends at once, at the end of the event loop's present round. Two calls at a time were slower.
"""

import asyncio
import logging
from collections import deque

import msgspec

from actors.host import HostGone, HostHandle
from processor.core.messages import PaidMany, Reply, Request, size_of

logger = logging.getLogger(__name__)

CALL_MESSAGES_MAX = 10_000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Reply]).decode

Waiting = tuple[list[Request], int, asyncio.Future[list[Reply]]]
"""What is asked, how many messages it stands for, and who waits for the answers."""


class Lane:
    """Messages to one host, in order of arrival. A call that takes longer than `timeout_seconds` counts as lost."""

    def __init__(self, handle: HostHandle, timeout_seconds: float) -> None:
        self._handle = handle
        self._timeout = timeout_seconds
        self._queue: deque[Waiting] = deque()
        self._is_calling = False
        self._is_scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting_messages = 0

    def put(self, messages: list[Request]) -> asyncio.Future[list[Reply]]:
        """Queue messages and return the future of their answers. It fails with HostGone if the host dies or does not answer.

        A PaidMany among the answers is followed, behind all of them, by the answers to what it does not tell itself.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Reply]] = loop.create_future()
        size = size_of(messages)
        self._queue.append((messages, size, future))
        self.waiting_messages += size
        if not self._is_scheduled and not self._is_calling:
            self._is_scheduled = True
            loop.call_soon(self._flush)
        return future

    def _flush(self) -> None:
        self._is_scheduled = False
        while self._queue and not self._is_calling:
            batch: list[Waiting] = []
            count = 0
            while self._queue and (not count or count + self._queue[0][1] <= CALL_MESSAGES_MAX):
                waiting = self._queue.popleft()
                count += waiting[1]
                batch.append(waiting)
            self._is_calling = True
            task = asyncio.get_running_loop().create_task(self._call(batch, count))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _call(self, batch: list[Waiting], count: int) -> None:
        messages = [message for messages, _, _ in batch for message in messages]
        try:
            async with asyncio.timeout(self._timeout):
                answers = _decode(await self._handle.submit(_encode(messages)))
        except Exception as error:
            if not isinstance(error, HostGone | TimeoutError):
                logger.exception("a call to a shard host failed; what it asked may or may not have happened")
            for _, _, future in batch:
                if not future.done():
                    future.set_exception(HostGone(*error.args))
        else:
            start, behind = 0, len(messages)
            for asked, _, future in batch:
                got = answers[start : start + len(asked)]
                start += len(asked)
                for answer in got[:]:
                    if type(answer) is PaidMany:
                        singles = answer.record_of.count(-1)
                        got += answers[behind : behind + singles]
                        behind += singles
                if not future.done():
                    future.set_result(got)
        finally:
            self._is_calling = False
            self.waiting_messages -= count
            self._flush()
