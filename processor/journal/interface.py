"""The write-ahead journal: what every implementation promises. The contract suite in tests/contract holds them to it.

1. One stream of records per shard, `sequence` dense from 1, each record chained to the one before by its hash.
2. `append` takes records of several shards and makes all of them durable, or none.
3. Opening a shard raises its epoch and appends a fence record. From then on an append with an older epoch is refused, whatever
   the order in which the two writers' statements arrive: both would need the same sequence, and only one can have it.
4. What was appended is never changed or removed.
5. If an append's outcome is unknown (connection lost), the implementation raises JournalUnavailable; the caller must forget its
   memory and open its shards again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import msgspec

from processor.journal.record import Record


class Fenced(Exception):
    """Another writer has opened one of the shards since: nothing was appended, and this writer must stop."""


class JournalUnavailable(Exception):
    """The journal's store cannot be reached, or the connection was lost under way: the outcome is unknown."""


class LedgerUnusable(JournalUnavailable):
    """The store answers but must not be used as it is. The message is one line that says what to do."""


class JournalCorrupt(Exception):
    """A record does not fit its checksum, its predecessor's hash or its place. Stop: a person has to look."""


class Head(msgspec.Struct, frozen=True):
    """The newest record of a shard: its sequence (0: none yet), its hash (32 zero bytes: none) and the shard's epoch."""

    shard: int
    epoch: int
    sequence: int
    hash: bytes


class Snapshot(msgspec.Struct, frozen=True):
    """A shard's encoded state as it was right after the record at `sequence`, whose hash is `hash`."""

    shard: int
    sequence: int
    hash: bytes
    state: bytes


class Host(msgspec.Struct, frozen=True):
    """A shard host as the ownership table knows it.

    `actor` is the name of its Ray actor. `door` says where it takes messages, and what has to be said there: a secret of those who may
    read the table.
    """

    host: str
    actor: str
    pid: int
    alive: bool
    door: bytes = b""


class Ownership(msgspec.Struct, frozen=True):
    """Which host owns a shard (None: nobody at the moment), at which epoch."""

    shard: int
    epoch: int
    host: str | None


class Journal(Protocol):
    """Reading and writing records and snapshots."""

    async def shard_count(self) -> int:
        """Return the number of shards, fixed when the ledger was created."""
        ...

    async def open(self, shard: int, epoch: int, at: int) -> Head:
        """Append the fence record of `epoch` (taken with `ShardMap.claim`) and return it as head.

        Its time is `at` (microseconds), or the previous record's where that is later: time never goes back within a shard.

        Raises Fenced if the shard has been claimed with a higher epoch since.
        """
        ...

    async def append(self, records: Sequence[Record]) -> None:
        """Make the records durable, all or none; at most one record per shard.

        Raises Fenced (an epoch is not the newest, or a sequence is not the head's next), JournalUnavailable.
        """
        ...

    async def confirm(self, epochs: Sequence[tuple[int, int]]) -> None:
        """Check that each (shard, epoch) is still the newest: what a host does before it answers reads without an append.

        Raises Fenced, JournalUnavailable.
        """
        ...

    async def head(self, shard: int) -> Head:
        """Return the shard's newest record's place."""
        ...

    def read(self, shard: int, after: int, until: int | None = None) -> AsyncIterator[Record]:
        """Yield the records with `after < sequence <= until` in order, checked for their checksum, density and hash chain
        (the first one's chain is not checked when `after` is not 0). Raises JournalCorrupt, JournalUnavailable."""
        ...

    async def tail(self, after: Mapping[int, int], limit_bytes: int) -> list[Record]:
        """Return the next records of several shards in the order of their times, as many as fit into `limit_bytes`, and at least one
        if there is any. `after`: shard -> the newest sequence that is known already.

        Each record is checked for its checksum and its place; who follows a shard checks the chain too (`Chain.follow`).
        Raises JournalCorrupt, JournalUnavailable.
        """
        ...

    async def record(self, shard: int, sequence: int) -> Record | None:
        """Return one record, checked for its checksum, or None."""
        ...

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Store a snapshot; older ones of the shard, but for the newest before it, may go.

        Raises Fenced if the journal has no record with that sequence and hash.
        """
        ...

    async def latest_snapshot(self, shard: int) -> Snapshot | None:
        """Return the shard's newest snapshot whose checksum holds, or None."""
        ...


class ShardMap(Protocol):
    """Who owns which shard: kept beside the journal, never in Ray."""

    async def heartbeat(
        self, host: str, actor: str, pid: int, leaving: bool = False, door: bytes = b""
    ) -> tuple[list[Host], list[Ownership]]:
        """Say that this host is alive (or about to leave) and return all hosts and all shards.

        A host whose last heartbeat is older than the lease is not alive: by the store's own clock where it has one, otherwise by
        the clock of whoever asks, from when they first saw that heartbeat.
        """
        ...

    async def view(self) -> tuple[list[Host], list[Ownership]]:
        """Return all hosts and all shards."""
        ...

    async def claim(self, shard: int, epoch: int, host: str) -> int | None:
        """Take the shard over if its epoch is still `epoch`; return the new, higher epoch, or None if somebody was faster."""
        ...

    async def release(self, shard: int, epoch: int) -> None:
        """Give the shard up, if `epoch` is still its epoch."""
        ...

    async def remove_host(self, host: str) -> None:
        """Forget a host that is known to be dead, so that its shards may be claimed at once."""
        ...

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        """Return True as soon as hosts or ownership have changed, False after the timeout."""
        ...
