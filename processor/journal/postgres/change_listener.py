"""Hearing of changes to the shard map through PostgreSQL's LISTEN."""

import asyncio

import asyncpg

from processor.journal.interface import JournalUnavailable
from processor.journal.postgres.link import Timeouts, connect, journal_errors

CHANNEL = "payments_shard_map"


class ChangeListener:
    """One connection that listens, for one task that waits. While it cannot, waiting still ends with the timeout."""

    def __init__(self, dsn: str, timeouts: Timeouts) -> None:
        """Listen from `start` on, or from the first `wait`."""
        self._dsn = dsn
        self._timeouts = timeouts
        self._changed = asyncio.Event()
        self._connection: asyncpg.Connection | None = None

    async def start(self) -> None:
        """Begin to listen. Raises JournalUnavailable."""
        connection = await connect(self._dsn, self._timeouts)
        try:
            with journal_errors():
                await connection.add_listener(CHANNEL, self._note_change)
        except BaseException:
            connection.terminate()
            raise
        connection.add_termination_listener(self._note_loss)
        self._connection = connection

    async def wait(self, timeout_seconds: float) -> bool:
        """Return True as soon as something has changed since the last call that returned True; False after the timeout."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._ensure_listening()
                await self._changed.wait()
        except TimeoutError:
            await self._check_connection()
            return False
        self._changed.clear()
        return True

    async def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            self._connection.terminate()

    async def _ensure_listening(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        try:
            await self.start()
        except JournalUnavailable:
            return  # The caller's timeout stands in for the notification, and the next call tries again.
        self._changed.set()  # Nobody knows what was missed meanwhile.

    async def _check_connection(self) -> None:
        """Drop a connection that is dead without our having been told: it would be silent for ever."""
        if self._connection is not None and not self._connection.is_closed():
            try:
                with journal_errors():
                    await self._connection.execute("SELECT 1")
            except JournalUnavailable:
                self._connection.terminate()

    def _note_change(self, *_: object) -> None:
        self._changed.set()

    def _note_loss(self, _: object) -> None:
        self._changed.set()
