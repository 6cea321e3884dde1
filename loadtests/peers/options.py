"""What `payments bench peers` compares, and for how long."""

from typing import Literal

from loadtests.bench.options import Options

PeerName = Literal["plain", "procedure", "group_commit", "tigerbeetle", "empty", "set_based"]
PEERS: tuple[PeerName, ...] = ("plain", "procedure", "group_commit", "tigerbeetle", "empty", "set_based")


class PeerOptions(Options, frozen=True, kw_only=True):
    """`seconds` is the time of one load of one side in one round. `only`: the peers to compare with; none named: all."""

    seconds: float = 4.0
    only: tuple[PeerName, ...] = ()

    @property
    def peers(self) -> tuple[PeerName, ...]:
        """The peers to compare with, in their fixed order."""
        return tuple(name for name in PEERS if name in self.only or not self.only)
