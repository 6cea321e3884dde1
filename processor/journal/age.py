"""How old what somebody lacks of a journal is."""

from typing import Protocol

from processor.clock import now_microseconds
from processor.journal.record import Record


class Records(Protocol):
    """Where records are found one by one; every journal is such a place."""

    async def record(self, shard: int, sequence: int) -> Record | None:
        """Return a record, or None if there is none. Raises JournalUnavailable, JournalCorrupt."""
        ...


async def seconds_behind(records: Records, shard: int, position: int, head: int) -> float:
    """Return the age of the oldest record after `position` for somebody who has read that far, or 0. Raises as `record`."""
    following = await records.record(shard, position + 1) if head > position else None
    return max(0.0, (now_microseconds() - following.at) / 1e6) if following is not None else 0.0
