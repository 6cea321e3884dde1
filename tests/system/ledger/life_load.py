"""Payments with a whole life without pause, while a test breaks things."""

from collections.abc import Coroutine
from typing import Any

from processor.client.connection import Connection
from processor.client.post import Post
from processor.client.reply import Reply
from tests.system.ledger.background import Background
from tests.system.ledger.life_books import LifeBooks
from tests.system.ledger.lives import Life, Request

_CONNECTIONS = 8


class LifeLoad(Background):
    """Makes the books' lives and does things to them, and writes every answer down."""

    def __init__(self, books: LifeBooks) -> None:
        super().__init__(books.books.instance.url)
        self._books = books

    def clients(self) -> list[Coroutine[Any, Any, None]]:
        """Return clients that each see one life after the other through."""
        return [self._live() for _ in range(_CONNECTIONS)]

    async def _live(self) -> None:
        supply = self._books.supply
        async with self.connection() as connection:
            while not self.is_over:
                await self._see_through(connection, supply.next(), supply.steps())

    async def _see_through(self, connection: Connection, life: Life, steps: int) -> None:
        if not self._books.settle_creation(life, await self._send(connection, life.creation())):
            return
        for _ in range(steps):
            step = life.next_step(self._books.supply.random)
            self._books.settle(step, await self._send(connection, step.request))

    async def _send(self, connection: Connection, request: Request) -> Reply:
        reply = await connection.send(Post(self.address, request.path).fill(request.body, request.key.encode()))
        self.count(1)
        return reply
