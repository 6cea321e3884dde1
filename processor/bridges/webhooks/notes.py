"""Writes down what came of attempts: all that have ended while the last statement was under way, in the next one."""

import asyncio
import logging

from processor.bridges.webhooks.delivery_table import DeliveryTable, Noted
from processor.journal.interface import JournalUnavailable

logger = logging.getLogger(__name__)

_BATCH_MAX = 1_000
_RETRY_SECONDS = 1.0
# A statement costs the database as much as some ten rows.
_GATHER_SECONDS = 0.02


class Notes:
    """Attempts that are not in the database yet. Losing them is harmless: the events are then sent again, under the same ids."""

    def __init__(self, table: DeliveryTable) -> None:
        self._table = table
        self._waiting: list[Noted] = []
        self._is_any = asyncio.Event()
        self._is_none = asyncio.Event()
        self._is_none.set()

    def add(self, noted: Noted) -> None:
        """Have it written down soon."""
        self._waiting.append(noted)
        self._is_none.clear()
        self._is_any.set()

    async def written(self) -> None:
        """Wait until all is written down."""
        await self._is_none.wait()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._is_any.wait()
            if len(self._waiting) < _BATCH_MAX:
                await asyncio.sleep(_GATHER_SECONDS)
            batch = sorted(self._waiting[:_BATCH_MAX], key=lambda noted: (noted.endpoint, noted.claimed))
            try:
                await self._table.note(batch)
            except JournalUnavailable as error:
                logger.warning("webhooks: attempts are written down later: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            del self._waiting[: len(batch)]
            if not self._waiting:
                self._is_any.clear()
                self._is_none.set()
