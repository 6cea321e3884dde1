"""Asks shard hosts directly, past the API: as somebody would who has not heard yet that a host was replaced.

A program of its own, since a process that has joined Ray cannot leave it cleanly. Each line of its input names an actor and a list of
messages (MessagePack in hexadecimal); each gives a line of output, as answers come, with the number of the question and its answers.
"""

import asyncio
import sys

from actors.ray_handle import RayHandle


async def answer(number: int, handle: RayHandle, messages: str) -> None:
    """Print the answers to one question."""
    answers = await handle.submit(bytes.fromhex(messages))
    print(number, answers.hex(), flush=True)


async def main() -> None:
    """Ask what the lines say, without waiting for one answer before the next question."""
    handles: dict[str, RayHandle] = {}
    async with asyncio.TaskGroup() as asking:
        number = 0
        while line := await asyncio.to_thread(sys.stdin.readline):
            actor, _, messages = line.strip().partition(" ")
            if actor not in handles:
                handles[actor] = RayHandle(actor)
            if messages:
                asking.create_task(answer(number, handles[actor], messages))
                number += 1
            else:
                print("found", flush=True)


asyncio.run(main())
