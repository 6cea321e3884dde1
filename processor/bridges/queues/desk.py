"""Dead letters for those who look after them: the queues that the settings name, listed and redriven."""

import asyncio
from collections.abc import Sequence

from processor.aws.calls import AwsCalls
from processor.bridges.queues.event_directions import ToConsumers
from processor.bridges.queues.letter import DeadLetter, LetterQueue, letter_of
from processor.bridges.queues.redrive import Directions, Redriven, ToInstructions, redrive
from processor.bridges.queues.sample import sample
from processor.bridges.queues.sqs_queue import SqsQueue
from processor.settings import Settings

_THREADS = 4


class SqsDesk:
    """Connects when it is first asked, and may be asked by several tasks at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names: dict[LetterQueue, str] = {
            "events": settings.sqs_dead_letter_queue,
            "instructions": settings.sqs_instruction_dead_letter_queue,
        }
        self._sqs = AwsCalls(settings, "sqs", _THREADS)
        self._sns = AwsCalls(settings, "sns", _THREADS)
        self._found: dict[str, SqsQueue] = {}
        # Two at a time would hide each other's messages, and both tell that there are none.
        self._turns: dict[LetterQueue, asyncio.Lock] = {name: asyncio.Lock() for name in self._names}

    async def look(self, name: LetterQueue, limit: int) -> tuple[list[DeadLetter], int]:
        """Return up to `limit` dead letters, and about how many there are. It is a sample: see `sample`. Raises AwsFailed."""
        queue = await self._queue(self._names[name])
        async with self._turns[name]:
            messages = await sample(queue, limit)
            count = await queue.count()
        return [letter_of(name, message) for message in messages], max(count, len(messages))

    async def redrive(self, name: LetterQueue, limit: int, ids: Sequence[str] | None) -> Redriven:
        """Move dead letters back to where they came from: see `redrive`. Raises AwsFailed if none could be moved."""
        queue = await self._queue(self._names[name])
        async with self._turns[name]:
            return await redrive(queue, await self._directions(name), limit, ids)

    def close(self) -> None:
        """Let the connections go."""
        self._sqs.close()
        self._sns.close()

    async def _directions(self, name: LetterQueue) -> Directions:
        if name == "instructions":
            return ToInstructions(await self._queue(self._settings.sqs_instruction_queue))
        return ToConsumers(self._settings, self._sqs, self._sns)

    async def _queue(self, name: str) -> SqsQueue:
        if name not in self._found:
            await self._sqs.open()
            self._found[name] = await SqsQueue.find(self._sqs, name)
        return self._found[name]
