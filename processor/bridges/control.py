"""What operators can do to a bridge from outside its actor: let another copy begin, and let it carry events again."""

from collections.abc import Mapping

from processor.bridges.queries import load_queries
from processor.journal.postgres.link import Link

_QUERIES = load_queries("cursors.sql")
_LETTERS = load_queries("dead_letters.sql")


class NoSuchBridge(Exception):
    """The bridge has never run."""


class BadPosition(Exception):
    """There is no such shard, or the bridge is not so far yet: it can only be put back, since events must not be left out."""


async def restart(link: Link, bridge: str) -> None:
    """Make the copy that runs an old one: it stops, and its keeper starts another. Raises NoSuchBridge, JournalUnavailable."""
    await rewind(link, bridge, {})


async def rewind(link: Link, bridge: str, next_sequences: Mapping[int, int] | None) -> None:
    """Let the bridge go on with these records (shard -> sequence, from 1), or in every shard from the beginning if None.

    The copy that runs stops, and the next one goes on from there. Dead letters whose events come again that way are dropped.
    Raises NoSuchBridge, BadPosition, JournalUnavailable.
    """
    async with link.use() as connection, connection.transaction():
        if await connection.fetchval(_QUERIES["lock"], bridge) is None:
            raise NoSuchBridge(f"the bridge {bridge} has never run; `payments bridges` shows those that have")
        rows = await connection.fetch(_QUERIES["positions"], bridge)
        positions: dict[int, int] = {row["shard"]: row["sequence"] for row in rows}
        if next_sequences is None:
            if not positions:
                raise BadPosition(f"the bridge {bridge} has no cursor: it does not follow the journal, or has never come so far")
            next_sequences = dict.fromkeys(positions, 1)
        for shard, sequence in next_sequences.items():
            _check(bridge, shard, sequence, positions)
        wanted = [sequence - 1 for sequence in next_sequences.values()]
        await connection.execute(_QUERIES["rewind"], bridge, list(next_sequences), wanted)
        await connection.execute(_LETTERS["forget_after"], bridge, list(next_sequences), wanted)
        await connection.execute(_QUERIES["take_over"], bridge)


def _check(bridge: str, shard: int, sequence: int, positions: Mapping[int, int]) -> None:
    if shard not in positions:
        raise BadPosition(f"the bridge {bridge} has no cursor for a shard {shard}")
    if not 1 <= sequence <= positions[shard] + 1:
        allowed = f"choose 1 to {positions[shard] + 1}"
        raise BadPosition(
            f"{shard}:{sequence} is not behind what the bridge {bridge} has carried over of shard {shard}: {allowed}"
        )
