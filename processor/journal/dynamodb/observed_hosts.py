"""Which hosts are alive, for a store that has no clock.

A heartbeat raises a number. Whoever looks notes by their own clock when they first saw the number, and takes the host for dead when
it has stood still for a lease. So no two clocks are ever compared, and none has to be right: only to run at the right speed. The
price: who looks for the first time gives every host a whole lease. Being wrong costs no money in any case, since what fences a
replaced writer is the journal.
"""

from collections.abc import Callable, Sequence

import msgspec

from processor.journal.dynamodb.items import Item
from processor.journal.interface import Host

FORGET_AFTER_SECONDS = 3600.0


class _Seen(msgspec.Struct, frozen=True):
    beats: int
    at: float


class ObservedHosts:
    """What one process has seen of the hosts. `clock` gives seconds, which only have to pass evenly."""

    def __init__(self, lease_seconds: float, clock: Callable[[], float]) -> None:
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def look(self, items: Sequence[Item]) -> list[Host]:
        """Take note of all hosts as they are in the table now, and return them in the order of their names."""
        now = self._clock()
        seen = {}
        for item in items:
            host, beats = item["host"]["S"], int(item["beats"]["N"])
            before = self._seen.get(host)
            seen[host] = before if before is not None and before.beats == beats else _Seen(beats, now)
        self._seen = seen
        return sorted((self._host(item) for item in items), key=lambda host: host.host)

    def is_fresh(self, host: str) -> bool:
        """Return whether a heartbeat was seen within the lease."""
        seen = self._seen.get(host)
        return seen is not None and self._clock() - seen.at < self._lease_seconds

    def long_dead(self) -> dict[str, int]:
        """Return the hosts that are to be forgotten, each with its last heartbeat's number."""
        now = self._clock()
        return {host: seen.beats for host, seen in self._seen.items() if now - seen.at > FORGET_AFTER_SECONDS}

    def _host(self, item: Item) -> Host:
        host = item["host"]["S"]
        is_alive = not item["leaving"]["BOOL"] and self.is_fresh(host)
        return Host(
            host, item["actor"]["S"], int(item["pid"]["N"]), is_alive, bytes(item["door"]["B"]) if "door" in item else b""
        )
