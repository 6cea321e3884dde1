"""What keeps the projections of a running instance: made when they are missing, rebuilt when another program has made them."""

import asyncio
import logging

from processor.journal.interface import Journal, JournalUnavailable
from processor.projections.projector import RETRY_SECONDS, Projector
from processor.projections.schema import RebuildUnderWay, prepare_projections, rebuild_projections

logger = logging.getLogger(__name__)


async def keep_projections(dsn: str, share: float, journal: Journal | None = None) -> None:
    """Bring the projections up to date for ever, at work at most for this `share` of the time while they are behind.

    `journal`: where the records are, if not in the same database.
    Raises JournalCorrupt, and Broken if the journal contradicts what is there: a person has to look.
    """
    while not await _are_current(dsn, journal):
        await asyncio.sleep(RETRY_SECONDS)
    projector = Projector(dsn, journal=journal)
    try:
        await projector.run(share)
    finally:
        await projector.close()


async def _are_current(dsn: str, journal: Journal | None) -> bool:
    """Return whether the projections are of this program's version; if they are not, build them first."""
    try:
        if await prepare_projections(dsn):
            return True
        logger.info("the projections were made by another version of this program: they are built anew")
        await rebuild_projections(dsn, lambda read, records: None, journal)
    except (JournalUnavailable, RebuildUnderWay) as error:
        logger.warning("projections wait: %s", error)
        return False
    return True
