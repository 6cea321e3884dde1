"""Runs a Work: takes the bridge over, writes down every second how it is doing, and begins again what has failed."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

import msgspec

from processor.bridges.cursors import Replaced, take_over
from processor.bridges.pace import BACKOFF_SECONDS_MAX, Backoff
from processor.bridges.queries import load_queries
from processor.bridges.tail import Untranslatable
from processor.bridges.wording import describe, storable
from processor.bridges.work import Counts, Term, UnknownBridge, Work
from processor.core.ensure import Broken
from processor.journal.interface import JournalCorrupt, JournalUnavailable
from processor.journal.postgres.link import Link

logger = logging.getLogger(__name__)

STATUS_SECONDS = 1.0
_SAVE = load_queries("cursors.sql")["save_status"]


async def run_work(name: str, make: Callable[[], Work], link: Link) -> None:
    """Run it until another copy has taken the bridge over. It is made here, so that what goes wrong with that is written down too.

    Raises JournalUnavailable if it cannot be taken over now.
    """
    term = Term(await take_over(link, name))
    logger.info("bridge %s begins with epoch %d", name, term.epoch)
    working = asyncio.create_task(_keep_working(name, make, term))
    telling = asyncio.create_task(_keep_telling(name, term, link))
    try:
        done, _ = await asyncio.wait((working, telling), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except Replaced as error:
        logger.warning("bridge %s stops: %s", name, error)
    finally:
        for task in (working, telling):
            task.cancel()
        await asyncio.gather(working, telling, return_exceptions=True)


async def _keep_working(name: str, make: Callable[[], Work], term: Term) -> None:
    backoff, work = Backoff(), None
    while True:
        began = monotonic()
        try:
            if work is None:
                work = make()
            await work.run(term)
            problem = "it has ended by itself"
        except Replaced:
            raise
        except (JournalCorrupt, Broken) as error:
            logger.exception("bridge %s stops for good", name)
            term.report("broken", f"{error}; repair it, then `payments bridges restart {name}`")
            await asyncio.Event().wait()
        except (JournalUnavailable, UnknownBridge, Untranslatable) as error:
            logger.warning("bridge %s waits: %s", name, error)
            problem = str(error)
        except Exception as error:
            logger.exception("bridge %s has failed", name)
            problem = f"it has failed: {describe(error)}"
        if monotonic() - began > BACKOFF_SECONDS_MAX:
            backoff.reset()
        term.report("waiting", problem)
        term.count(retries=1)
        await asyncio.sleep(backoff.next_seconds())


async def _keep_telling(name: str, term: Term, link: Link) -> None:
    while True:
        try:
            await save_status(name, term, link)
        except JournalUnavailable as error:
            logger.warning("bridge %s cannot say how it is doing: %s", name, error)
        await asyncio.sleep(STATUS_SECONDS)


async def save_status(name: str, term: Term, link: Link) -> None:
    """Write down once how it is doing. Raises Replaced, JournalUnavailable."""
    counts, term.counts = term.counts, Counts()
    try:
        problem = storable(term.problem) if term.problem else None
        figures = msgspec.json.encode(counts.figures).decode()
        rows = await link.fetch(
            _SAVE, name, term.epoch, term.state, problem, counts.published, counts.rejected, counts.retries, figures
        )
    except BaseException:
        term.count(counts.published, counts.rejected, counts.retries, counts.figures)  # for the next time
        raise
    if not rows:
        raise Replaced(f"another copy of the bridge {name} has taken over from the one of epoch {term.epoch}")
    term.has_redrives = rows[0]["has_redrives"]
