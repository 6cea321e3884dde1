"""Clients that go on without pause, in a thread of their own, while a test breaks things."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import uvloop

from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.together import run_together

_RETRY_SECONDS = 240.0
_WAIT_SECONDS = 120.0


class Background(ABC):
    """Runs its clients from `with` until its end.

    At the end what is under way is carried through, unless the test has failed already. Whatever goes wrong in here is raised at
    the end, or by `wait_for_answers`.
    """

    def __init__(self, url: str) -> None:
        self.address = parse_address(url)
        self._stop = threading.Event()
        self._loop = uvloop.new_event_loop()
        self._answered = 0
        self._failure: BaseException | None = None
        self._progress = threading.Condition()
        self._thread = threading.Thread(target=self._run)

    @abstractmethod
    def clients(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs at the same time; each ends when `is_over`."""

    @property
    def is_over(self) -> bool:
        """Whether nothing new should be begun."""
        return self._stop.is_set()

    def connection(self) -> Connection:
        """Return a connection that retries for as long as a test may take."""
        return Connection(self.address, retry_seconds=_RETRY_SECONDS)

    def count(self, answers: int) -> None:
        """Say that so many more answers have come."""
        with self._progress:
            self._answered += answers
            self._progress.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if error is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # It has ended by itself in this moment.
                self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def wait_for_answers(self, count: int) -> None:
        """Return when this many more answers have come."""
        with self._progress:
            wanted = self._answered + count
            done = self._progress.wait_for(lambda: self._failure or self._answered >= wanted, _WAIT_SECONDS)
            if self._failure is not None:
                raise self._failure
            assert done, f"only {self._answered + count - wanted} of {count} answers came in {_WAIT_SECONDS:g} s"

    def _run(self) -> None:
        self._task = self._loop.create_task(self._run_clients())
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

    async def _run_clients(self) -> None:
        await run_together(self.clients())
