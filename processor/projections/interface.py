"""What the shards ask of the archive that is made from the journal: facts that their memory no longer has."""

from collections.abc import Sequence
from typing import Protocol

from processor.core.recall import AnyFact, Recall


class ArchiveUnavailable(Exception):
    """The archive cannot be reached now."""


class Archive(Protocol):
    """Facts from the journal, complete up to a record of each shard that is told with them."""

    async def recall(self, asked: Sequence[Recall]) -> list[AnyFact]:
        """Return one fact for each question, in order. Raises ArchiveUnavailable."""
        ...

    async def positions(self) -> dict[int, int]:
        """Return, for each shard, the newest record that the archive has taken in. Raises ArchiveUnavailable."""
        ...
