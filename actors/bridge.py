"""The Ray actor around a bridge: a process of its own, so that nothing that a target's library does can hold up payments."""

import asyncio
import logging
import os

import ray

from processor.bridges.pace import Backoff
from processor.bridges.runner import run_work
from processor.bridges.sinks import make_work
from processor.journal.choice import connect_journal
from processor.journal.interface import JournalUnavailable
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.settings import Settings

logger = logging.getLogger(__name__)

NICENESS = 19


@ray.remote(num_cpus=0, max_restarts=0, enable_task_events=False)
class BridgeActor:
    """Runs one bridge. Of two live copies only the newest can move the bridge's cursor."""

    def __init__(self, name: str, settings: Settings) -> None:
        logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._name = name
        self._settings = settings

    def __repr__(self) -> str:
        return f"Bridge({self._name})"

    async def run(self) -> None:
        """Run the bridge until another copy has taken it over."""
        os.nice(NICENESS)  # On Linux this counts for the calling thread, which is the one that works, and for those it starts.
        backoff = Backoff()
        while True:
            try:
                await self._run()
                return
            except JournalUnavailable as error:
                logger.warning("bridge %s cannot begin yet: %s", self._name, error)
                await asyncio.sleep(backoff.next_seconds())

    async def _run(self) -> None:
        journal = await connect_journal(self._settings)
        link = Link(self._settings.database_url, DEFAULT_TIMEOUTS)
        try:
            await run_work(self._name, lambda: make_work(self._name, self._settings, journal, link), link)
        finally:
            await link.close()
            await journal.close()

    async def ping(self) -> int:
        """Return the process id: the event loop still turns."""
        return os.getpid()
