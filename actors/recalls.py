"""Messages that wait for the archive, because they are about something that the shards' memory has forgotten.

The commit loop goes on with its turns meanwhile. A message keeps its facts until it is answered, since it may need two: about its
key, and then about the payment. Where a shard has forgotten more in between, the same question is asked again.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING

from processor.core.recall import AnyFact, Recall
from processor.projections.interface import Archive, ArchiveUnavailable

if TYPE_CHECKING:
    from actors.commit_loop import Call

logger = logging.getLogger(__name__)

WATCH_SECONDS = 0.5
"""How often the archive's positions are asked for while shards want to forget something."""

FETCH_TIMEOUT_SECONDS = 5.0
AGAIN_SECONDS = 0.02
"""The pause before a question is asked again whose answer came too late to be used."""

Waiting = tuple["Call", int]
"""A call, and the position of the message in it."""


class Recalls:
    """Questions to the archive under way, and answers that wait for the next turn. `wake` is called when there are any."""

    def __init__(self, archive: Archive | None, wake: Callable[[], None]) -> None:
        self._archive = archive
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: dict[Waiting, Recall] = {}
        self._facts: dict[Waiting, list[AnyFact]] = {}
        self._taken: dict[Waiting, list[AnyFact]] = {}
        self._ready: list[Waiting] = []
        self._failed: list[Waiting] = []
        self._positions: dict[int, int] = {}
        self._is_watching = False

    @property
    def has_news(self) -> bool:
        """Whether the next turn has something to take."""
        return bool(self._ready or self._failed or self._positions)

    def take(self) -> tuple[list[AnyFact], list[Waiting], list[Waiting]]:
        """Return facts, the messages to handle again with them, and those for which the archive could not be asked."""
        ready, failed = self._ready, self._failed
        self._ready, self._failed = [], []
        for waiting in failed:
            self._facts.pop(waiting, None)
        self._taken = {waiting: self._facts.pop(waiting) for waiting in ready}
        return [fact for facts in self._taken.values() for fact in facts], ready, failed

    def take_positions(self) -> dict[int, int]:
        """Return how far the archive is, if that was asked for since the last time; else nothing."""
        positions, self._positions = self._positions, {}
        return positions

    def ask(self, waiting: Sequence[Waiting], recalls: Sequence[Recall], pause_seconds: float = 0.0) -> None:
        """Ask the archive on behalf of these messages."""
        self._asked.update(zip(waiting, recalls, strict=True))
        self._facts.update({each: self._taken.pop(each, []) for each in waiting})
        self._spawn(self._fetch(list(waiting), list(recalls), pause_seconds))

    def watch(self) -> None:
        """Ask for the archive's positions, soon."""
        if self._archive is not None and not self._is_watching:
            self._is_watching = True
            self._spawn(self._watch(self._archive))

    def abandon(self) -> list[Waiting]:
        """Forget everything; return the messages that were waiting."""
        for task in self._tasks:
            task.cancel()
        waiting = [*self._asked, *self._ready, *self._failed]
        self._tasks, self._asked, self._facts, self._taken, self._ready, self._failed = set(), {}, {}, {}, [], []
        self._positions, self._is_watching = {}, False
        return waiting

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch(self, waiting: list[Waiting], recalls: list[Recall], pause_seconds: float) -> None:
        if pause_seconds:
            await asyncio.sleep(pause_seconds)
        try:
            if self._archive is None:
                raise ArchiveUnavailable("this host has no archive")
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                facts = await self._archive.recall(recalls)
        except (ArchiveUnavailable, TimeoutError) as error:
            logger.warning("%d questions to the archive were not answered: %s", len(recalls), error)
            self._failed += waiting
        except Exception:
            logger.exception("the archive failed")
            self._failed += waiting
        else:
            for each, fact in zip(waiting, facts, strict=True):
                self._facts[each].append(fact)
            self._ready += waiting
        for place in waiting:
            self._asked.pop(place, None)
        self._wake()

    async def _watch(self, archive: Archive) -> None:
        try:
            await asyncio.sleep(WATCH_SECONDS)
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                self._positions = await archive.positions()
        except (ArchiveUnavailable, TimeoutError) as error:
            logger.warning("memory cannot age, the archive does not tell how far it is: %s", error)
        except Exception:
            logger.exception("the archive failed")
        finally:
            self._is_watching = False
        self._wake()
