"""Where one shard stands, and what its host has done for it."""

import msgspec

from processor.core.shard import Shard
from processor.journal.interface import Head


class ShardPosition(msgspec.Struct, frozen=True):
    """Where one held shard stands.

    `events`: how many it has seen since it was read from a snapshot or from nothing. `size`: how many things it has in memory:
    `accounts`, `outcomes` (remembered keys) and `payments` (held or changed lately). `travelling`: its payments to other hosts
    that are not at their end; the first of them began at `travelling_since` (microseconds; 0: there is none). `served_events`,
    `served_records` and `served_bytes`: what this host has appended to it.
    """

    shard: int
    epoch: int
    sequence: int
    events: int
    size: int
    accounts: int
    outcomes: int
    payments: int
    travelling: int
    travelling_since: int
    served_events: int
    served_records: int
    served_bytes: int


class Service:
    """One shard in the service of one host, from its take-over on."""

    __slots__ = ("_events", "_sequence", "_shard", "appended_bytes")

    def __init__(self, shard: Shard, head: Head) -> None:
        self._shard = shard
        self._events = shard.events
        self._sequence = head.sequence
        self.appended_bytes = 0

    def position(self, head: Head) -> ShardPosition:
        """Return where the shard stands, given its newest durable record."""
        shard = self._shard
        accounts, outcomes, payments = len(shard.accounts), len(shard.outcomes) + len(shard.earlier), len(shard.payments)
        return ShardPosition(
            head.shard, head.epoch, head.sequence, shard.events, accounts + outcomes + payments,
            accounts, outcomes, payments, len(shard.transfers), _first_began_at(shard),
            shard.events - self._events, head.sequence - self._sequence, self.appended_bytes,
        )  # fmt: skip


def _first_began_at(shard: Shard) -> int:
    # They are kept in the order in which they began.
    return next((transfer.at for transfer in shard.transfers.values()), 0)
