"""Where a bridge carries events to: what every sink promises the bridge, and the bridge every sink.

The bridge hands over batches in journal order, one after another, and moves its cursor only after `publish` has returned. So a sink may
get a batch again (after a crash, or when it raised), perhaps cut differently, and possibly from an older copy of the bridge that does
not know yet that it was replaced. It must make that harmless: by the events' names, or by their sequences.

A batch consists of whole records, and a record may hold 10,000 events and more: a sink cuts what its target limits.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

import asyncpg
import msgspec

from processor.eventlog.event import PublishedEvent


class SinkUnavailable(Exception):
    """The sink cannot take events now: throttled, unreachable, missing, or it does not let us in. The bridge tries the batch again.

    The message is one sentence that says what is wrong and what an operator can do about it.
    """


class Rejection(msgspec.Struct, frozen=True):
    """An event that the sink will never take, however often it is offered, and why."""

    event: PublishedEvent
    reason: str


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a sink likes its batches. A sink that wants others than these says so in its attribute `terms`.

    `gather_seconds`: how long to gather a batch that is not full, from its first event on. `batch_bytes_max` is counted in the
    journal's bytes: as events in memory they are some ten times as large, and two batches are held. A single record may exceed both
    maxima. `starts_at`: where a bridge begins that has no cursor yet; "end" is for what only cares about now.
    """

    gather_seconds: float = 0.0
    batch_bytes_max: int = 1024 * 1024
    batch_events_max: int = 10_000
    starts_at: Literal["beginning", "end"] = "beginning"


Save = Callable[[asyncpg.Connection], Awaitable[None]]
"""Writes rows in the ledger's database, inside a transaction that is not its own."""


class Published(msgspec.Struct, frozen=True):
    """What `publish` returns if it has rows to write: `save` is called inside the transaction that moves the cursor past the events.

    It may be called more than once, or never, if a transaction fails: then the events come again. It must not commit.
    `saved` is called when the transaction is through, again and again while it raises SinkUnavailable; a crash may come before it, so
    `open` must make up for it.
    """

    rejections: Sequence[Rejection] = ()
    save: Save | None = None
    saved: Callable[[], Awaitable[None]] | None = None


class Sink(Protocol):
    """One target."""

    async def open(self) -> None:
        """Connect, and check that the target is there. Called again after a failure of any kind. Raises SinkUnavailable."""
        ...

    async def publish(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection] | Published:
        """Carry all events over; return those that can never be. What is not returned is durable at the target.

        Raises SinkUnavailable: any of them may have arrived or not. Anything else that it raises is a mistake of the sink: the batch
        is tried again, and after some failures cut into halves until the events that cause them stand alone; these become dead
        letters. A dead letter that is tried again comes after later events, alone: by `publish_late` if the sink has that, which
        promises and raises the same.
        """
        ...

    async def close(self) -> None:
        """Let the connections go. It may be opened again."""
        ...


def terms_of(sink: Sink) -> Terms:
    """Return how the sink likes its batches."""
    terms: Terms = getattr(sink, "terms", Terms())
    return terms
