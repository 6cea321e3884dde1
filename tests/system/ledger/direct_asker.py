"""Asks shard hosts directly, past the API: as somebody would who has not heard yet that a host was replaced.

A program of its own, as an API replica is. Each line of its input names an actor and a list of messages (MessagePack in hexadecimal);
each gives a line of output, as answers come, with the number of the question and its answers.
"""

import asyncio
import os
import sys

from actors.door_handle import DoorHandle
from processor.journal.choice import connect_shard_map
from processor.settings import load_settings


async def answer(number: int, handle: DoorHandle, messages: str) -> None:
    """Print the answers to one question."""
    answers = await handle.submit(bytes.fromhex(messages))
    print(number, answers.hex(), flush=True)


async def main() -> None:
    """Ask what the lines say, without waiting for one answer before the next question."""
    shard_map = await connect_shard_map(load_settings(os.environ))
    handles: dict[str, DoorHandle] = {}
    async with asyncio.TaskGroup() as asking:
        number = 0
        while line := await asyncio.to_thread(sys.stdin.readline):
            actor, _, messages = line.strip().partition(" ")
            if actor not in handles:
                handles[actor] = DoorHandle(actor, shard_map)
            if messages:
                asking.create_task(answer(number, handles[actor], messages))
                number += 1
            else:
                print("found", flush=True)


asyncio.run(main())
