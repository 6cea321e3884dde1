"""One lane: takes up to ten instructions from the queue, puts them before the ledger, and clears their messages away, over and over.

A message leaves the queue only after its instruction has been decided, and one that cannot be carried out only after the queue for dead
letters has it. Whatever fails in between, the message comes again, and the ledger answers a key that it knows as it did before.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress

from processor.aws.failed import AwsFailed
from processor.bridges.instructions.cashier import Cashier
from processor.bridges.instructions.heartbeat import VISIBILITY_SECONDS, kept_from_others
from processor.bridges.instructions.instruction import flaw_of
from processor.bridges.instructions.tally import Tally
from processor.bridges.instructions.verdicts import Later, Malformed, Refused, Verdict
from processor.bridges.queues.letter import CODE, PAYMENT_ID, REASON, attributes_of_letter
from processor.bridges.queues.sqs_queue import Message, Outgoing, SqsQueue

WAIT_SECONDS = 5
"""How long SQS waits for a first message before it answers that there is none."""
FIRST_PAUSE_SECONDS = 5
PAUSE_SECONDS_MAX = 900
"""How long a message that nothing could be said about stays hidden: doubled with every receipt, up to this. Ten receipts, after which
SQS puts a message aside (see processor/aws/resources.py), are then more than half an hour."""

_FRUITLESS_PAUSE_SECONDS_MAX = 30
_DEAD_LETTERS = "dead letters"

_Decided = dict[str, Verdict]
"""By message id."""


class Lane:
    """Works on one batch at a time."""

    def __init__(self, name: str, queue: SqsQueue, dead_letters: SqsQueue, cashier: Cashier, tally: Tally) -> None:
        self._name = name
        self._queue = queue
        self._dead_letters = dead_letters
        self._cashier = cashier
        self._tally = tally

    async def run(self) -> None:
        """Work until cancelled, or until SQS fails: raises AwsFailed. What was in hand comes again then."""
        fruitless = 0
        while True:
            messages = await self._queue.receive(VISIBILITY_SECONDS, WAIT_SECONDS)
            self._tally.tell(self._name, None)
            if not messages:
                continue
            async with kept_from_others(self._queue, messages):
                decided = await self._decide(messages)
            self._tally.add(decided.values())
            await self._clear(messages, decided)
            # To take more now would only bring them nearer to being put aside.
            fruitless = fruitless + 1 if all(isinstance(verdict, Later) for verdict in decided.values()) else 0
            await asyncio.sleep(min(1 << fruitless, _FRUITLESS_PAUSE_SECONDS_MAX) if fruitless else 0)

    async def _decide(self, messages: Sequence[Message]) -> _Decided:
        decided: _Decided = {}
        waiting: set[str] = set()
        for part in _rounds(messages):
            asked = []
            for message in part:
                flaw = flaw_of(message.body)
                if message.group is not None and message.group in waiting:
                    decided[message.id] = Later("an earlier one of its group waits")
                elif flaw is not None:
                    decided[message.id] = flaw
                else:
                    asked.append(message)
            if asked:
                verdicts = await self._cashier.pay([message.body.encode() for message in asked])
                decided.update((message.id, verdict) for message, verdict in zip(asked, verdicts, strict=True))
            waiting |= {message.group for message in part if message.group and isinstance(decided[message.id], Later)}
        return decided

    async def _clear(self, messages: Sequence[Message], decided: _Decided) -> None:
        """Delete what is decided, put off what is not. Raises AwsFailed."""
        bad = [message for message in messages if isinstance(decided[message.id], Refused | Malformed)]
        stay = await self._bury(bad, decided) if bad else set()
        stay |= {message.id for message in messages if isinstance(decided[message.id], Later)}
        later = [message for message in messages if message.id in stay]
        done = [message for message in messages if message.id not in stay]
        # What cannot be deleted comes again when its time is up, and what cannot be put off a little earlier than meant.
        await asyncio.gather(self._put_off(later), self._queue.delete(done))

    async def _bury(self, bad: Sequence[Message], decided: _Decided) -> set[str]:
        """Send them to the dead letters; return the ids of those that must stay."""
        try:
            failed = await self._dead_letters.send([_letter(message, decided[message.id]) for message in bad])
        except AwsFailed as error:
            failed = {message.id: str(error) for message in bad}
        problem = next(iter(failed.values()), None)
        self._tally.tell(_DEAD_LETTERS, problem and f"bad instructions stay in their queue: {problem}")
        return set(failed)

    async def _put_off(self, messages: Sequence[Message]) -> None:
        with suppress(AwsFailed):
            await self._queue.put_off(messages, [_pause(message) for message in messages])


def _rounds(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Give the messages in parts, so that those of one group follow each other. Messages of a standard queue have no group."""
    left = list(messages)
    while left:
        part: list[Message] = []
        groups: set[str] = set()
        after: list[Message] = []
        for message in left:
            if message.group in groups:
                after.append(message)
                continue
            part.append(message)
            if message.group is not None:
                groups.add(message.group)
        yield part
        left = after


def _letter(message: Message, verdict: Verdict) -> Outgoing:
    assert isinstance(verdict, Refused | Malformed)
    payment = verdict.payment_id if isinstance(verdict, Refused) else None
    said = {REASON: verdict.reason, CODE: verdict.code, PAYMENT_ID: payment}
    attributes = attributes_of_letter(message.attributes, said)
    return Outgoing(message.id, message.body, attributes, message.group or message.id, message.id)


def _pause(message: Message) -> int:
    return min(FIRST_PAUSE_SECONDS << min(message.receive_count - 1, 16), PAUSE_SECONDS_MAX)
