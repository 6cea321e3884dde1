"""Getting a batch to its sink, however long that takes: pauses that grow, and a search for the event that makes the sink fail."""

import asyncio
import logging
from collections.abc import Sequence

from processor.bridges.cursors import Cursors, Replaced
from processor.bridges.isolation import NothingWorks, isolate
from processor.bridges.pace import Backoff
from processor.bridges.sink import Published, Save, Sink, SinkUnavailable
from processor.bridges.tail import Batch
from processor.bridges.wording import describe
from processor.bridges.work import Term
from processor.eventlog.event import PublishedEvent
from processor.journal.interface import JournalUnavailable

logger = logging.getLogger(__name__)

MISTAKES_BEFORE_ISOLATION = 5
"""So often a batch may make the sink fail in a way that it does not explain before the event at fault is looked for."""


class Carrying:
    """One sink and one cursor, for one term."""

    def __init__(self, sink: Sink, cursors: Cursors, term: Term, backoff: Backoff) -> None:
        self._sink = sink
        self._cursors = cursors
        self._term = term
        self._backoff = backoff
        self._mistakes = 0

    async def open(self) -> None:
        """Open the sink, trying until it works. Raises Replaced, JournalUnavailable."""
        await self._open()
        self._term.report("running")

    async def _open(self) -> None:
        while True:
            try:
                await self._sink.open()
                return
            except (Replaced, JournalUnavailable):
                raise
            except SinkUnavailable as error:
                await self._wait(str(error))
            except Exception as error:
                logger.exception("a sink cannot be opened")
                await self._wait(f"it cannot be opened: {describe(error)}")

    async def carry(self, batch: Batch) -> bool:
        """Publish the batch and move the cursor past it, trying until it is done.

        Return False, after a pause, if the sink has failed on each of its events: then nobody knows whose fault it is.
        Raises Replaced, JournalUnavailable.
        """
        while True:
            try:
                await self._try(batch)
            except (Replaced, JournalUnavailable):
                raise
            except SinkUnavailable as error:
                await self.recover(str(error))
            except NothingWorks as error:
                await self.recover(f"none of {len(batch.events)} events can be published: {error}")
                return False
            except Exception as error:
                logger.exception("a sink has failed on %d events", len(batch.events))
                self._mistakes += 1
                await self.recover(f"the sink has failed: {describe(error)}")
            else:
                self._mistakes = 0
                self.works()
                return True

    async def _try(self, batch: Batch) -> None:
        if not batch.events:
            parts = []
        elif self._mistakes < MISTAKES_BEFORE_ISOLATION:
            parts = [await self.publish(batch.events)]
        else:
            parts = await isolate(self._publish_and_rehearse, batch.events)
        rejections = [rejection for part in parts for rejection in part.rejections]
        await self._cursors.advance(batch.positions, rejections, saves_of(parts))
        await self.finish(parts)
        self._term.count(published=len(batch.events) - len(rejections), rejected=len(rejections))

    async def finish(self, parts: Sequence[Published]) -> None:
        """Let the sink do what follows from the rows that are there now, trying until it is done. Raises as `carry` does."""
        for part in parts:
            while part.saved is not None:
                try:
                    await part.saved()
                    break
                except (Replaced, JournalUnavailable):
                    raise
                except SinkUnavailable as error:
                    await self.recover(str(error))
                except Exception as error:
                    logger.exception("a sink has failed after its rows were saved")
                    await self.recover(f"the sink has failed: {describe(error)}")

    async def publish(self, events: Sequence[PublishedEvent], late: bool = False) -> Published:
        """Publish these events once. `late`: later ones may have been published before. Raises whatever the sink raises."""
        publish = getattr(self._sink, "publish_late", self._sink.publish) if late else self._sink.publish
        told = await publish(events)
        return told if isinstance(told, Published) else Published(told)

    async def _publish_and_rehearse(self, events: Sequence[PublishedEvent]) -> Published:
        part = await self.publish(events)
        if part.save is not None:
            await self._cursors.rehearse(part.save)
        return part

    async def recover(self, problem: str) -> None:
        """Say what is wrong, wait, and open the sink again."""
        await self._wait(problem)
        await self._open()

    def works(self) -> None:
        """Something has come to the sink: forget earlier failures."""
        self._backoff.reset()
        self._term.report("running")

    async def _wait(self, problem: str) -> None:
        if problem != self._term.problem:
            logger.warning("a bridge waits: %s", problem)
        self._term.report("waiting", problem)
        self._term.count(retries=1)
        await asyncio.sleep(self._backoff.next_seconds())


def saves_of(parts: Sequence[Published]) -> list[Save]:
    """Return what is to be written in the transaction that moves the cursor."""
    return [part.save for part in parts if part.save is not None]
