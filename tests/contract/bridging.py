"""A journal whose records say how many events they publish, a sink that fails as it is told to, and a bridge between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg

from processor.bridges.bridge import Bridge
from processor.bridges.cursors import take_over
from processor.bridges.pace import Backoff
from processor.bridges.sink import Published, Rejection, SinkUnavailable, Terms
from processor.bridges.work import Term
from processor.eventlog.event import AboutAccount, AccountData, PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.interface import Head, Journal
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.journal.record import Record
from tests.contract.ledgers import PostgresLedger
from tests.contract.writing import AT, head_of, take

NAME = "scripted"


class CountTranslator(Translator):
    """A record's payload is the number of its events; other payloads, such as fences, publish none."""

    async def translate(self, records: Sequence[Record]) -> list[PublishedEvent]:
        return [
            event_at(record.shard, record.sequence, index)
            for record in records
            for index in range(int(record.payload) if record.payload.isdigit() else 0)
        ]


def event_at(shard: int, sequence: int, index: int = 0) -> PublishedEvent:
    """Return an event with this name."""
    data = AboutAccount(AccountData("account", "open"), ())
    return PublishedEvent(shard, sequence, index, AT, "account.opened", "account", ("account",), data)


class ScriptedSink:
    """Keeps the names of what it is given. `closed_doors`: so often it cannot be opened; `failures` are raised by the next calls;
    `poison` makes it fail, `refused` is rejected."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.arrived: list[str] = []
        self.batches: list[int] = []
        self.failures: list[Exception] = []
        self.poison: set[str] = set()
        self.refused: set[str] = set()
        self.reason = "it is too large"
        self.opened = self.closed_doors = 0
        self.before_returning: Callable[[], Awaitable[None]] | None = None
        self.save: Callable[[asyncpg.Connection, Sequence[PublishedEvent]], Awaitable[None]] | None = None
        self.saved: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> None:
        self.opened += 1
        if self.closed_doors:
            self.closed_doors -= 1
            raise SinkUnavailable("there is no such target")

    async def publish(self, events: Sequence[PublishedEvent]) -> Published:
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, SinkUnavailable):  # some have arrived, others have not
                self.arrived += [event.name for event in events[: len(events) // 2]]
            raise failure
        if any(event.name in self.poison for event in events):
            raise ZeroDivisionError("a mistake")
        taken = [event for event in events if event.name not in self.refused]
        self.arrived += [event.name for event in taken]
        self.batches.append(len(events))
        if self.before_returning is not None:
            await self.before_returning()
        rejections = [Rejection(event, self.reason) for event in events if event.name in self.refused]
        save = self.save
        if save is None:
            return Published(rejections, saved=self.saved)
        return Published(rejections, lambda connection: save(connection, taken), self.saved)

    async def close(self) -> None:
        pass


class Scene:
    """A ledger with records on shards 0 and 1, and the means to run bridges over it."""

    def __init__(self, url: str, ledger: PostgresLedger, journal: Journal, heads: list[Head]) -> None:
        self.url = url
        self.ledger = ledger
        self.journal = journal
        self.heads = heads
        self.names: list[str] = []
        self.link = Link(url, DEFAULT_TIMEOUTS)

    async def write(self, shard: int, *counts: int) -> None:
        """Append one record for each count, which publishes so many events."""
        for count in counts:
            head = self.heads[shard]
            record = Record(shard, head.epoch, head.sequence + 1, AT + len(self.names), head.hash, b"%d" % count)
            await self.journal.append([record])
            self.heads[shard] = head_of(record)
            self.names += [f"{shard}:{record.sequence}:{index}" for index in range(count)]

    def bridge(self, sink: ScriptedSink, translator: Translator | None = None) -> Bridge:
        """Return a bridge that waits shortly after failures."""
        translator = translator or CountTranslator(self.journal)
        return Bridge(NAME, sink, self.journal, translator, self.link, share=1.0, backoff=Backoff(seconds_max=0.002))

    async def term(self) -> Term:
        """Take the bridge over."""
        return Term(await take_over(self.link, NAME))

    @asynccontextmanager
    async def running(self, sink: ScriptedSink) -> AsyncIterator[tuple[Term, asyncio.Task[None]]]:
        """Run a bridge meanwhile."""
        term = await self.term()
        task = asyncio.create_task(self.bridge(sink).run(term))
        try:
            yield term, task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def positions(self) -> dict[int, int]:
        """Return where the bridge's cursor is."""
        rows = await self.link.fetch(
            "SELECT shard, sequence FROM payments.bridge_cursors WHERE bridge = $1 AND sequence > 0", NAME
        )
        return {row["shard"]: row["sequence"] for row in rows}

    async def until_level(self, task: asyncio.Task[None]) -> None:
        """Wait until the cursor has reached the journal's end, while the task runs."""
        ends = {head.shard: head.sequence for head in self.heads}
        await until(lambda: self._is_at(ends), task)

    async def _is_at(self, ends: dict[int, int]) -> bool:
        return await self.positions() == ends

    async def dead_letters(self) -> dict[str, str]:
        """Return the reason of each dead letter, by the event's name."""
        rows = await self.link.fetch("SELECT shard, sequence, index, reason FROM payments.bridge_dead_letters ORDER BY 1, 2, 3")
        return {f"{shard}:{sequence}:{index}": reason for shard, sequence, index, reason in rows}

    async def to_redrive(self) -> int:
        """Return how many dead letters are to be tried again."""
        return len(await self.link.fetch("SELECT FROM payments.bridge_dead_letters WHERE redrive_at IS NOT NULL"))

    async def close(self) -> None:
        """Close the connections."""
        await self.link.close()
        await self.ledger.close()


async def until(condition: Callable[[], Awaitable[bool]], task: asyncio.Task[None]) -> None:
    """Wait until it holds. Whatever ends the task ends the wait."""
    while not await condition():
        if task.done():
            task.result()
            raise AssertionError("the bridge has ended")
        await asyncio.sleep(0.005)


async def make_scene(url: str) -> Scene:
    """Create the ledger; nothing is written but the fences."""
    ledger = PostgresLedger(url)
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    return Scene(url, ledger, journal, [await take(journal, shard_map, shard) for shard in (0, 1)])
