"""Payments without pause, from clients that retry, while a test breaks things."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from processor.client.outcome import BATCH_PATH, MINIMAL, Outcome, outcome_of, send_batch
from processor.client.post import Post
from tests.system.ledger.background import Background
from tests.system.ledger.books import Books
from tests.system.ledger.payments import Payment, batch_of

CONNECTIONS = 8
_BATCH_CONNECTIONS = 2
_BATCH_PAYMENTS = 40


class BackgroundLoad(Background):
    """Sends payments of the books' supply, alone and in batches, and writes their outcomes down."""

    def __init__(self, books: Books, supply: Callable[[], Payment] | None = None) -> None:
        super().__init__(books.instance.url)
        self._books = books
        self._next = supply or books.supply.next

    def clients(self) -> list[Coroutine[Any, Any, None]]:
        """Return single payments on most connections, batches on the others."""
        singles = [self._send_singles() for _ in range(CONNECTIONS - _BATCH_CONNECTIONS)]
        return [*singles, *(self._send_batches() for _ in range(_BATCH_CONNECTIONS))]

    async def _send_singles(self) -> None:
        post = Post(self.address, "/v1/payments")
        async with self.connection() as connection:
            while not self.is_over:
                payment = self._next()
                reply = await connection.send(post.fill(payment.body(), payment.key.encode()))
                self._settle([payment], [outcome_of(reply)])

    async def _send_batches(self) -> None:
        post = Post(self.address, BATCH_PATH, MINIMAL)
        async with self.connection() as connection:
            while not self.is_over:
                payments = [self._next() for _ in range(_BATCH_PAYMENTS)]
                batch = batch_of(payments)
                self._settle(payments, await send_batch(connection, post, batch.body, batch.count))
                # Single payments are to make up a good part of the load.
                await asyncio.sleep(0)

    def _settle(self, payments: list[Payment], outcomes: list[Outcome]) -> None:
        for payment, outcome in zip(payments, outcomes, strict=True):
            self._books.settle(payment, outcome)
        self.count(len(payments))
