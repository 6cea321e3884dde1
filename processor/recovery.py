"""A shard's state out of the journal: the newest snapshot and the records after it, or the records alone."""

import asyncio

from processor.core.events import decode_events
from processor.core.shard import Shard
from processor.journal.interface import Journal, JournalCorrupt, Snapshot

SLICE_EVENTS = 1_000
"""How many events are replayed, in about two milliseconds, before others get the event loop: a host goes on with the shards that it
has meanwhile. Not by a clock: the same journal is recovered in the same steps."""


async def recover(journal: Journal, shard: int, until: int | None = None, from_snapshot: bool = True) -> tuple[Shard, bytes]:
    """Return the shard as of record `until` (default: the newest) and that record's hash (32 zero bytes: no record yet).

    Raises JournalCorrupt, JournalUnavailable, and Broken if a record does not follow from the state before it.
    """
    state, last_hash = Shard(shard, await journal.shard_count()), bytes(32)
    snapshot = await journal.latest_snapshot(shard) if from_snapshot else None
    if snapshot is not None and (until is None or snapshot.sequence <= until):
        state, last_hash = Shard.decode(snapshot.state), snapshot.hash
        if state.number != shard or state.sequence != snapshot.sequence:
            raise JournalCorrupt(f"the snapshot of shard {shard} at {snapshot.sequence} holds something else")
    pause_at = state.events + SLICE_EVENTS
    async for record in journal.read(shard, state.sequence, until):
        if record.previous_hash != last_hash:
            raise JournalCorrupt(f"record {record.sequence} of shard {shard} does not follow the one before it")
        state.replay(record.sequence, record.at, decode_events(record.payload))
        last_hash = record.hash()
        if state.events >= pause_at:
            await asyncio.sleep(0)
            pause_at = state.events + SLICE_EVENTS
    return state, last_hash


async def take_snapshot(journal: Journal, shard: int) -> int:
    """Replay the shard and store its state as a snapshot; return the sequence. Needs no owner: any process may do it."""
    state, last_hash = await recover(journal, shard)
    if state.sequence:
        await journal.save_snapshot(Snapshot(shard, state.sequence, last_hash, state.encode()))
    return state.sequence
