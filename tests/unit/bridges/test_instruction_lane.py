"""A lane on batches that no emulator gives out: several messages of one group of a FIFO queue."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from processor.bridges.instructions.cashier import Cashier
from processor.bridges.instructions.lane import FIRST_PAUSE_SECONDS, PAUSE_SECONDS_MAX, Lane
from processor.bridges.instructions.tally import Tally
from processor.bridges.instructions.verdicts import Later, Paid, Refused, Verdict
from processor.bridges.queues.sqs_queue import Message, Outgoing, SqsQueue
from processor.bridges.work import Term

pytestmark = pytest.mark.anyio


class Queue:
    """Gives out one batch, and keeps what is done with it."""

    def __init__(self, *messages: Message) -> None:
        self.batches = [list(messages)]
        self.put_off_by: dict[str, int] = {}
        self.deleted: set[str] = set()
        self.sent: list[Outgoing] = []
        self.is_empty = asyncio.Event()

    async def receive(self, visibility_seconds: int, wait_seconds: int) -> list[Message]:
        if self.batches:
            return self.batches.pop()
        self.is_empty.set()
        await asyncio.Event().wait()
        return []

    async def put_off(self, messages: Sequence[Message], seconds: Sequence[int]) -> set[str]:
        self.put_off_by.update((message.id, pause) for message, pause in zip(messages, seconds, strict=True))
        return set()

    async def delete(self, messages: Sequence[Message]) -> set[str]:
        self.deleted |= {message.id for message in messages}
        return set()

    async def send(self, messages: Sequence[Outgoing]) -> dict[str, str]:
        self.sent += messages
        return {}


class Script:
    """Answers by the message's id, and keeps what it was asked, in order."""

    def __init__(self, **verdicts: Verdict) -> None:
        self.asked: list[list[str]] = []
        self._verdicts = verdicts

    async def pay(self, bodies: Sequence[bytes]) -> list[Verdict]:
        names = [body.decode().split('"')[3] for body in bodies]
        self.asked.append(names)
        return [self._verdicts.get(name, Paid(False)) for name in names]


def message(name: str, group: str | None, receive_count: int = 1) -> Message:
    return Message(name, f"receipt of {name}", f'{{"idempotency_key": "{name}"}}', {}, 0, receive_count, group)


async def run(queue: Queue, script: Script) -> Queue:
    """Let a lane work until the queue is empty; return its dead letters."""
    dead_letters = Queue()
    parts = cast(SqsQueue, queue), cast(SqsQueue, dead_letters), cast(Cashier, script)
    working = asyncio.create_task(Lane("lane", *parts, Tally(Term(1))).run())
    await queue.is_empty.wait()
    working.cancel()
    return dead_letters


async def test_messages_of_one_group_follow_each_other_and_other_groups_go_along() -> None:
    queue = Queue(*(message(name, name[0]) for name in ("a1", "a2", "b1", "a3", "c1", "b2")))
    script = Script()
    await run(queue, script)
    assert script.asked == [["a1", "b1", "c1"], ["a2", "b2"], ["a3"]]
    assert queue.deleted == {"a1", "a2", "a3", "b1", "b2", "c1"}


async def test_what_comes_behind_one_that_waits_is_not_asked_for_and_one_that_is_refused_holds_up_nothing() -> None:
    queue = Queue(*(message(name, name[0]) for name in ("a1", "b1", "a2", "b2", "a3")))
    script = Script(a2=Later("away"), b1=Refused("account_closed", "It is closed.", "pay_1"))
    dead_letters = await run(queue, script)
    assert script.asked == [["a1", "b1"], ["a2", "b2"]]
    assert queue.put_off_by.keys() == {"a2", "a3"}
    assert queue.deleted == {"a1", "b1", "b2"}
    [letter] = dead_letters.sent
    assert (letter.id, letter.group, letter.deduplication) == ("b1", "b", "b1")


async def test_messages_without_a_group_are_asked_for_together() -> None:
    queue = Queue(*(message(f"m{n}", None) for n in range(10)))
    script = Script(m3=Later("away"))
    await run(queue, script)
    assert script.asked == [[f"m{n}" for n in range(10)]]
    assert queue.put_off_by == {"m3": FIRST_PAUSE_SECONDS}


async def test_who_has_waited_often_waits_longer() -> None:
    queue = Queue(*(message(f"m{count}", None, count) for count in (1, 2, 4, 9, 500)), message("paid", None))
    await run(queue, Script(**{f"m{count}": Later("away") for count in (1, 2, 4, 9, 500)}))
    assert queue.put_off_by == {"m1": 5, "m2": 10, "m4": 40, "m9": PAUSE_SECONDS_MAX, "m500": PAUSE_SECONDS_MAX}
