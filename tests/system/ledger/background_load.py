"""Payments without pause, from clients that retry, while a test breaks things."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import uvloop

from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.outcome import BATCH_PATH, MINIMAL, Outcome, outcome_of, send_batch
from processor.client.post import Post
from processor.client.together import run_together
from tests.system.ledger.books import Books
from tests.system.ledger.payments import Payment, batch_of

CONNECTIONS = 8
_BATCH_CONNECTIONS = 2
_BATCH_PAYMENTS = 40
_RETRY_SECONDS = 240.0
_WAIT_SECONDS = 120.0


class BackgroundLoad:
    """Sends payments of the books' supply, alone and in batches, from `with` until its end, and writes their outcomes down.

    At the end what is under way is carried through, unless the test has failed already. Whatever goes wrong in here is raised at
    the end, or by `wait_for_answers`.
    """

    def __init__(self, books: Books, supply: Callable[[], Payment] | None = None) -> None:
        self._books = books
        self._address = parse_address(books.instance.url)
        self._next = supply or books.supply.next
        self._stop = threading.Event()
        self._loop = uvloop.new_event_loop()
        self._answered = 0
        self._failure: BaseException | None = None
        self._progress = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self.retries = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if error is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def wait_for_answers(self, count: int) -> None:
        """Return when this many more payments have been answered."""
        with self._progress:
            wanted = self._answered + count
            done = self._progress.wait_for(lambda: self._failure or self._answered >= wanted, _WAIT_SECONDS)
            if self._failure is not None:
                raise self._failure
            assert done, f"only {self._answered + count - wanted} of {count} payments were answered in {_WAIT_SECONDS:g} s"

    def _run(self) -> None:
        self._task = self._loop.create_task(self._send_all())
        try:
            self._loop.run_until_complete(self._task)
        except (Exception, asyncio.CancelledError) as error:
            with self._progress:
                self._failure = error
                self._progress.notify_all()
        finally:
            self._loop.close()

    def _cancel(self) -> None:
        self._task.cancel()

    async def _send_all(self) -> None:
        singles = [self._send_singles() for _ in range(CONNECTIONS - _BATCH_CONNECTIONS)]
        batches = [self._send_batches() for _ in range(_BATCH_CONNECTIONS)]
        await run_together([*singles, *batches])

    async def _send_singles(self) -> None:
        post = Post(self._address, "/v1/payments")
        async with self._connection() as connection:
            while not self._stop.is_set():
                payment = self._next()
                reply = await connection.send(post.fill(payment.body(), payment.key.encode()))
                self._settle([payment], [outcome_of(reply)])
            self.retries += connection.retries

    async def _send_batches(self) -> None:
        post = Post(self._address, BATCH_PATH, MINIMAL)
        async with self._connection() as connection:
            while not self._stop.is_set():
                payments = [self._next() for _ in range(_BATCH_PAYMENTS)]
                batch = batch_of(payments)
                self._settle(payments, await send_batch(connection, post, batch.body, batch.count))
                # Single payments are to make up a good part of the load.
                await asyncio.sleep(0)
            self.retries += connection.retries

    def _connection(self) -> Connection:
        return Connection(self._address, retry_seconds=_RETRY_SECONDS)

    def _settle(self, payments: list[Payment], outcomes: list[Outcome]) -> None:
        for payment, outcome in zip(payments, outcomes, strict=True):
            self._books.settle(payment, outcome)
        with self._progress:
            self._answered += len(payments)
            self._progress.notify_all()
