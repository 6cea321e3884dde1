"""Finds the events of a batch that make a sink fail, so that they hold up no others."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from processor.bridges.cursors import Replaced
from processor.bridges.sink import Published, Rejection, SinkUnavailable
from processor.bridges.wording import describe
from processor.eventlog.event import PublishedEvent
from processor.journal.interface import JournalUnavailable

logger = logging.getLogger(__name__)

Publish = Callable[[Sequence[PublishedEvent]], Awaitable[Published]]


class NothingWorks(Exception):
    """Not a single event could be published: it is the sink that is broken, not an event. The message says how it fails."""


async def isolate(publish: Publish, events: Sequence[PublishedEvent]) -> list[Published]:
    """Publish all events, in halves where that fails, down to single events, which are rejected.

    Raises NothingWorks, and what is no mistake of the sink: SinkUnavailable, JournalUnavailable, Replaced.
    """
    parts: list[Published] = []
    failed: list[Rejection] = []

    async def cut(some: Sequence[PublishedEvent]) -> None:
        try:
            parts.append(await publish(some))
        except (SinkUnavailable, JournalUnavailable, Replaced):
            raise
        except Exception as error:
            if len(some) > 1:
                await cut(some[: len(some) // 2])
                await cut(some[len(some) // 2 :])
            else:
                failed.append(failure(some[0], error))

    await cut(events)
    if not parts:
        raise NothingWorks(failed[0].reason)
    return [*parts, Published(failed)]


def failure(event: PublishedEvent, error: Exception) -> Rejection:
    """Return that the sink fails on this event by this mistake."""
    logger.error("event %s makes its bridge fail", event.name, exc_info=error)
    return Rejection(event, f"publishing it fails: {describe(error)}")
