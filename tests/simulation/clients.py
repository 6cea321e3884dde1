"""Clients: they ask through a real Router, wait or give up, and try again with the same key."""

import asyncio
from collections.abc import Sequence

from actors.errors import LedgerError
from actors.router import Router
from processor.core import messages as m
from processor.core.results import Result
from tests.simulation.columns import answers_of, columns_of, is_plain
from tests.simulation.workload import Command, Workload
from tests.simulation.world import World

PATIENCE_SECONDS = 0.8
TRIES = 2


def is_final(answer: m.AnyAnswer) -> bool:
    """Whether asking again could not bring anything else."""
    return not (isinstance(answer, m.PaymentAnswer | m.OperationAnswer) and answer.result is Result.SHARD_UNAVAILABLE)


class Client:
    """One client. What it could not get an answer for stays open in its history, to be asked for again in the end."""

    def __init__(self, name: str, world: World, router: Router, workload: Workload) -> None:
        self._name = name
        self._world = world
        self._router = router
        self._workload = workload
        # Some clients hardly do anything but read: they may be the only ones to speak to a host that has been replaced. Where
        # nothing else goes wrong most do, since the first write tells such a host.
        self._read_share = world.random.choice([0.1, 0.9, 0.9, 0.9, 0.9] if world.plan.only_splits else [0.1, 0.1, 0.9])
        self.history: list[Command] = []

    async def run(self, commands: int) -> None:
        """Ask for this many things, some of them several at once."""
        random = self._world.random
        while commands > 0:
            count = min(commands, 1 if random.random() < 0.6 else random.randint(2, 8))
            commands -= count
            draw = self._workload.draw
            if random.random() < self._read_share:
                draw = self._workload.draw_read
            elif count > 1 and random.random() < 0.5:
                draw = self._workload.draw_plain
            group = [Command(draw()) for _ in range(count)]
            self.history.extend(group)
            await self.ask(group)
            if random.random() < 0.5:
                await asyncio.sleep(random.random() * self._world.plan.think_seconds)

    async def ask(self, group: Sequence[Command]) -> None:
        """Ask until everything is answered for good, or patience is at its end."""
        for _ in range(TRIES):
            left = [command for command in group if command.answer is None]
            if not left:
                return
            await self._try(left)
            if self._world.happens(0.5):
                await asyncio.sleep(self._world.random.random() * 0.3)

    async def _try(self, commands: Sequence[Command]) -> None:
        now = self._world.loop.time()
        for command in commands:
            if command.sent < 0:
                command.sent = now
        patience = PATIENCE_SECONDS
        if self._world.happens(self._world.plan.client_gives_up):
            patience = self._world.random.random() * 0.02
        try:
            async with asyncio.timeout(patience):
                if len(commands) == 1:
                    answers: list[m.AnyAnswer | LedgerError] = [await self._router.ask(commands[0].message)]
                else:
                    answers = await self._ask_router([command.message for command in commands])
        except (LedgerError, TimeoutError) as error:
            self._world.trace(f"{self._name} gets {type(error).__name__}")
            return
        for command, answer in zip(commands, answers, strict=True):
            self._take(command, answer)

    async def _ask_router(self, messages: Sequence[m.AnyMessage]) -> list[m.AnyAnswer | LedgerError]:
        """Ask for several things at once: for plain payments mostly as columns, as a batch's items are asked for."""
        payments = [message for message in messages if is_plain(message)]
        if len(payments) < 2 or self._world.random.random() < 0.3:
            return await self._router.ask_all(messages)
        others = [message for message in messages if not is_plain(message)]
        outcomes, answers = await asyncio.gather(
            self._router.pay_many(columns_of(payments), self._world.plan.shards), self._router.ask_all(others)
        )
        following, behind = iter(answers_of(payments, outcomes)), iter(answers)
        return [next(following) if is_plain(message) else next(behind) for message in messages]

    def _take(self, command: Command, answer: m.AnyAnswer | LedgerError) -> None:
        self._world.trace(f"{self._name} gets {answer} for {command.message}")
        if isinstance(answer, LedgerError):
            return
        if is_final(answer):
            command.answer = answer
            command.answered = self._world.loop.time()
            self._workload.learn(command.message, answer)
        elif isinstance(answer, m.PaymentAnswer | m.OperationAnswer):
            command.cancelled.append(answer)
