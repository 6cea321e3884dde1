"""What this process has told its clients was done, so that its lists can wait until they show that."""

from collections.abc import Iterable


class Acknowledged:
    """The newest acknowledged sequence of every shard."""

    __slots__ = ("positions",)

    def __init__(self) -> None:
        self.positions: dict[int, int] = {}

    def note(self, positions: Iterable[tuple[int, int]]) -> None:
        """Take in these (shard, sequence) pairs."""
        known = self.positions
        for shard, sequence in positions:
            if sequence > known.get(shard, 0):
                known[shard] = sequence

    def note_one(self, shard: int, sequence: int) -> None:
        """Take in one pair: the common case, without a list."""
        if sequence > self.positions.get(shard, 0):
            self.positions[shard] = sequence
