"""The events that bridges could not carry over: listing them, and asking for another try.

A try is only asked for here, since sinks live in their bridges' actors: the bridge makes it within about a second, if it runs. A letter
goes when its event has arrived, and stays with the newest reason when it has not.
"""

from collections.abc import Sequence

import msgspec

from processor.bridges.cursors import Place
from processor.bridges.queries import Fetch, load_queries

_QUERIES = load_queries("dead_letters.sql")


class DeadLetter(msgspec.Struct, frozen=True):
    """One event, by its name in the journal. `at`: when it was given up, in microseconds."""

    bridge: str
    shard: int
    sequence: int
    index: int
    type: str
    subject: str
    reason: str
    at: int
    is_to_redrive: bool

    @property
    def name(self) -> str:
        """The event's name, `shard:sequence:index`."""
        return f"{self.shard}:{self.sequence}:{self.index}"


class Redrives(msgspec.Struct, frozen=True):
    """How many dead letters of a bridge are still to be tried again, and how many it has in all."""

    to_redrive: int
    letters: int


async def list_dead_letters(
    fetch: Fetch, limit: int, bridge: str | None = None, after: tuple[str, Place] | None = None
) -> list[DeadLetter]:
    """Return dead letters by bridge and place, those after `after` (bridge, place); of one bridge or of all.

    Raises JournalUnavailable.
    """
    last_bridge, place = after or (None, (None, None, None))
    return [DeadLetter(*row) for row in await fetch(_QUERIES["list"], bridge, last_bridge, *place, limit)]


async def redrive_dead_letters(fetch: Fetch, bridge: str, places: Sequence[Place] | None = None) -> int:
    """Ask for dead letters of the bridge, all or those at these places, to be tried again; return how many there are.

    Raises JournalUnavailable.
    """
    if places is None:
        [row] = await fetch(_QUERIES["redrive"], bridge)
    else:
        columns = [list(column) for column in zip(*places, strict=True)] or [[], [], []]
        [row] = await fetch(_QUERIES["redrive_some"], bridge, *columns)
    asked: int = row["count"]
    return asked


async def count_redrives(fetch: Fetch, bridge: str) -> Redrives:
    """Return how far a redrive is. Raises JournalUnavailable."""
    [row] = await fetch(_QUERIES["waiting"], bridge)
    return Redrives(row["to_redrive"], row["letters"])
