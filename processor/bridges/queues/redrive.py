"""Moves dead letters back to where they came from.

Each is sent first and deleted after that: a crash in between sends it again next time, and never loses it. Repeats are harmless:
consumers drop events by their names, and the ledger pays an instruction once for its key.

An instruction goes back to the queue of instructions, unless the ledger has refused it: it remembers that under the instruction's key
and would refuse it again. An event goes back to the queue that it came from, if that is known, and else is published once more on the
SNS topic, where all subscribers get it.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Protocol

import msgspec

from processor.aws.failed import AwsFailed
from processor.bridges.queues.letter import CODE, PAYMENT_ID, attributes_before
from processor.bridges.queues.sample import WAIT_SECONDS, let_go
from processor.bridges.queues.sqs_queue import BATCH_MESSAGES_MAX, Message, Outgoing, SqsQueue

SECONDS_MAX = 15.0
VISIBILITY_SECONDS = 60
LOOKED_AT_MAX = 1_000


class CannotMove(Exception):
    """A dead letter has nowhere to go. The message says why, and what to do about it."""


class Destination(Protocol):
    """Where dead letters are moved to."""

    async def take(self, messages: Sequence[Message]) -> dict[str, str]:
        """Send them; return the reasons, by id, of those that were not taken. Raises AwsFailed: any may have been taken or not."""
        ...


class Directions(Protocol):
    """Knows where dead letters of one queue came from."""

    async def destination(self, message: Message) -> Destination:
        """Return where this one is to go: the same object for all that go to the same place. Raises CannotMove, AwsFailed."""
        ...


class Moved(msgspec.Struct, frozen=True):
    """A dead letter that was moved. `note`: what else there is to know."""

    id: str
    to: str
    note: str | None = None


class NotMoved(msgspec.Struct, frozen=True):
    """A dead letter that is where it was."""

    id: str
    reason: str


class Redriven(msgspec.Struct):
    """What a redrive has done. `stopped`: why it ended before its end, if it did."""

    moved: list[Moved] = []
    not_moved: list[NotMoved] = []
    stopped: str | None = None


class BackToQueue:
    """Dead letters become messages of their queue again, as they were."""

    def __init__(self, queue: SqsQueue) -> None:
        self._queue = queue

    async def take(self, messages: Sequence[Message]) -> dict[str, str]:
        """Send them."""
        # A FIFO queue drops what repeats the name of a message of the last five minutes: so not by the name it had the first time.
        return await self._queue.send(
            [
                Outgoing(
                    message.id,
                    message.body,
                    attributes_before(message.attributes),
                    message.group or message.id,
                    f"redrive-{message.id}",
                )
                for message in messages
            ]
        )

    def __str__(self) -> str:
        return str(self._queue)


class ToInstructions:
    """The directions of instructions."""

    def __init__(self, queue: SqsQueue) -> None:
        self._back = BackToQueue(queue)

    async def destination(self, message: Message) -> Destination:
        """Return the queue of instructions. Raises CannotMove."""
        refused, code = message.text(PAYMENT_ID), message.text(CODE)
        if refused:
            raise CannotMove(
                f"the ledger has refused this payment ({code}) as {refused} and remembers that under its key: it would be refused "
                "again; after mending the cause, send the payment with a new idempotency_key"
            )
        return self._back


async def redrive(queue: SqsQueue, directions: Directions, limit: int, ids: Sequence[str] | None = None) -> Redriven:
    """Move up to `limit` dead letters, or those with these ids as far as they are found. Raises AwsFailed if none was moved.

    It ends by itself after 1,000 messages or some 15 seconds: ask again for the rest.
    """
    run = _Run(queue, directions, None if ids is None else set(ids))
    try:
        await run.go(limit if ids is None else len(run.wanted or ()))
    except AwsFailed as error:
        if not run.done.moved:
            raise
        run.done.stopped = str(error)
    finally:
        await let_go(queue, run.kept)
    for wanted in run.wanted or ():
        reason = f"it was not among the {run.looked_at} messages that {queue} showed: it may be in use, or gone; try again"
        run.done.not_moved.append(NotMoved(wanted, reason))
    return run.done


class _Run:
    """One redrive. `wanted`: the ids still to be found, None if any will do; `kept`: received and not deleted."""

    def __init__(self, queue: SqsQueue, directions: Directions, wanted: set[str] | None) -> None:
        self.done = Redriven()
        self.wanted = wanted
        self.kept: list[Message] = []
        self.looked_at = 0
        self._queue = queue
        self._directions = directions
        self._moved: set[tuple[Destination, str]] = set()

    async def go(self, limit: int) -> None:
        """Look at messages until enough were moved. Raises AwsFailed."""
        deadline = monotonic() + SECONDS_MAX
        while len(self.done.moved) < limit and self.looked_at < LOOKED_AT_MAX and self.wanted != set():
            if monotonic() >= deadline:
                self.done.stopped = f"it has worked for {SECONDS_MAX:g} seconds; ask again for the rest"
                return
            count = BATCH_MESSAGES_MAX if self.wanted is not None else min(BATCH_MESSAGES_MAX, limit - len(self.done.moved))
            received = await self._queue.receive(VISIBILITY_SECONDS, WAIT_SECONDS, count)
            if not received:
                return
            self.looked_at += len(received)
            self.kept += received
            await self._move([message for message in received if self._is_wanted(message)])

    def _is_wanted(self, message: Message) -> bool:
        if self.wanted is None:
            return True
        found = message.id in self.wanted
        self.wanted.discard(message.id)
        return found

    async def _move(self, messages: list[Message]) -> None:
        by_destination: dict[Destination, list[Message]] = {}
        for message in messages:
            try:
                destination = await self._directions.destination(message)
                if (destination, message.body) in self._moved:
                    # Perhaps it is the same, and has come back already.
                    raise CannotMove(f"its like went to {destination} a moment ago; ask again if this one is to follow")
                by_destination.setdefault(destination, []).append(message)
                self._moved.add((destination, message.body))
            except CannotMove as reason:
                self.done.not_moved.append(NotMoved(message.id, str(reason)))
        for destination, group in by_destination.items():
            await self._move_to(destination, group)

    async def _move_to(self, destination: Destination, messages: list[Message]) -> None:
        failed = await destination.take(messages)
        sent = [message for message in messages if message.id not in failed]
        self.done.not_moved += [NotMoved(id_, reason) for id_, reason in failed.items()]
        left = await self._delete(sent)
        self.kept = [message for message in self.kept if message not in sent or message.id in left]
        note = "it could not be deleted here and will be moved again; that does no harm"
        self.done.moved += [Moved(message.id, str(destination), note if message.id in left else None) for message in sent]

    async def _delete(self, messages: list[Message]) -> set[str]:
        try:
            return await self._queue.delete(messages)
        except AwsFailed:
            return {message.id for message in messages}
