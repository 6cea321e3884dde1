"""The bridge `webhooks`: writes down who is to be told of what, tells them, and keeps the tables within bounds."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from random import Random
from typing import Any

from processor.bridges.bridge import Bridge
from processor.bridges.webhooks.addresses import parse_networks
from processor.bridges.webhooks.bodies import Bodies
from processor.bridges.webhooks.deliverer import Deliverer
from processor.bridges.webhooks.delivery_table import BY_KEY, DeliveryTable
from processor.bridges.webhooks.endpoint_table import BRIDGE, EndpointTable
from processor.bridges.webhooks.fan_out import FanOut
from processor.bridges.webhooks.gate import Gate, NameLookup
from processor.bridges.webhooks.lane import Counts, Tools
from processor.bridges.webhooks.notes import Notes
from processor.bridges.webhooks.redeliverer import Redeliverer
from processor.bridges.webhooks.sender import Sender
from processor.bridges.webhooks.upkeep import Upkeep
from processor.bridges.work import State, Term
from processor.eventlog.translator import Translator
from processor.journal.interface import Journal, JournalUnavailable
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link, Timeouts
from processor.settings import Settings

logger = logging.getLogger(__name__)

# A crash of the server may take what was written last with it. Then events are sent again; nobody is left out, because what is to be
# sent and the cursor are written together. That spares the payments a wait for the disk.
_NOT_DURABLE = "SET synchronous_commit TO off; SET jit TO off"
# Counting and removing take as long as there is much.
_UPKEEP_TIMEOUTS = Timeouts(command_seconds=60.0)
_IDLE_SECONDS = 1.0
_STEP_SECONDS = 0.05
_RETRY_SECONDS = 2.0


class Webhooks:
    """Implements Work."""

    name = BRIDGE

    def __init__(self, settings: Settings, journal: Journal, link: Link) -> None:
        """`link` leads to the bridge's cursor. Raises BadSettings."""
        self._settings = settings
        self._journal = journal
        self._link = link
        self._networks = parse_networks(settings)

    async def run(self, term: Term) -> None:
        """Work until cancelled. Raises what Bridge.run raises."""
        url, translator = self._settings.database_url, Translator(self._journal)
        claims, notes = (Link(url, DEFAULT_TIMEOUTS, session=f"{_NOT_DURABLE}; {BY_KEY}") for _ in range(2))
        upkeep = Link(url, _UPKEEP_TIMEOUTS, session=_NOT_DURABLE)
        lookup = NameLookup()
        try:
            async with Sender(Gate(self._networks, lookup), self._settings.webhook_timeout_seconds) as sender:
                bodies = Bodies(self._journal, translator)
                deliverer = Deliverer(
                    Tools(
                        EndpointTable(claims), DeliveryTable(claims), bodies, sender, Notes(DeliveryTable(notes)), Random().random,
                        self._settings.webhook_timeout_seconds,
                    )
                )  # fmt: skip
                bridge = Bridge(
                    BRIDGE, FanOut(bodies, deliverer.wake), self._journal, translator, self._link, self._settings.bridge_share
                )
                await _together(
                    bridge.run(QueueTerm(term)),
                    _keep_counting(term, deliverer.counts),
                    deliverer.run(),
                    _keep(Upkeep(upkeep, deliverer.counts), Redeliverer(upkeep, self._journal, translator)),
                )
        finally:
            lookup.close()
            for link in (claims, notes, upkeep):
                await link.close()


class QueueTerm(Term):
    """The term as the bridge sees it that fills the queue: what is queued has not come to anybody yet, so it is not counted."""

    def __init__(self, term: Term) -> None:
        self._term = term
        super().__init__(term.epoch)

    @property
    def has_redrives(self) -> bool:
        """Whether dead letters are to be tried again."""
        return self._term.has_redrives

    @has_redrives.setter
    def has_redrives(self, has_redrives: bool) -> None:
        self._term.has_redrives = has_redrives

    def report(self, state: State, problem: str | None = None) -> None:
        """Say how it is going."""
        super().report(state, problem)
        self._term.report(state, problem)

    def count(self, published: int = 0, rejected: int = 0, retries: int = 0, figures: Mapping[str, int] | None = None) -> None:
        """Count nothing but what the queue itself has refused or has had to try again."""
        self._term.count(rejected=rejected, retries=retries, figures=figures)


async def _keep_counting(term: Term, counts: Counts) -> None:
    """Tell as published what receivers have taken, as rejected what was given up, as retries the attempts that were in vain."""
    while True:
        await asyncio.sleep(_IDLE_SECONDS)
        term.count(published=counts.delivered, rejected=counts.failed, retries=counts.attempts)
        counts.delivered = counts.failed = counts.attempts = 0


async def _keep(upkeep: Upkeep, redeliverer: Redeliverer) -> None:
    while True:
        try:
            await upkeep.step()
            pause = _STEP_SECONDS if await redeliverer.step() else _IDLE_SECONDS
        except JournalUnavailable as error:
            logger.warning("webhooks' upkeep waits for the database: %s", error)
            pause = _RETRY_SECONDS
        await asyncio.sleep(pause)


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Run them until one fails, and raise what that one raised; the others are ended first."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
