"""Where a bridge carries events to: what every sink promises the bridge, and the bridge every sink.

The bridge hands over batches in journal order, one after another, and moves its cursor only after `publish` has returned. So a sink may
get a batch again (after a crash, or when it raised), perhaps cut differently, and possibly from an older copy of the bridge that does
not know yet that it was replaced. It must make that harmless: by the events' names, or by their sequences.
"""

from collections.abc import Sequence
from typing import Protocol

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


class Sink(Protocol):
    """One target."""

    async def open(self) -> None:
        """Connect, and check that the target is there. Called again after SinkUnavailable. Raises SinkUnavailable."""
        ...

    async def publish(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection]:
        """Carry all events over; return those that can never be. What is not returned is durable at the target.

        Raises SinkUnavailable: any of them may have arrived or not.
        """
        ...

    async def close(self) -> None:
        """Let the connections go."""
        ...
