"""The read model as a witness: how its newest lines have accounts."""

import logging
from collections.abc import Mapping, Sequence
from typing import Self

from processor.audit.auditor import Balances
from processor.journal.interface import JournalUnavailable
from processor.journal.postgres.link import Timeouts
from processor.journal.postgres.readers import Readers
from processor.projections.queries import load_queries

logger = logging.getLogger(__name__)

_QUERIES = load_queries("audit.sql")
_TIMEOUTS = Timeouts(connect_seconds=2.0, command_seconds=5.0)


class ReadModelWitness:
    """Implements Witness over the schema `projections`. While it cannot be read it says nothing."""

    def __init__(self, readers: Readers) -> None:
        """Use `connect` instead."""
        self._readers = readers

    @classmethod
    async def connect(cls, dsn: str) -> Self:
        """Return the witness; its connections are made when they are needed."""
        return cls(await Readers.create(dsn, _TIMEOUTS))

    async def testify(self, shard: int, accounts: Sequence[str]) -> Mapping[str, tuple[int, Balances]]:
        try:
            rows = await self._readers.fetch(_QUERIES["balances"], shard, list(accounts))
        except JournalUnavailable as error:
            logger.warning("the read model was not compared: %s", error)
            return {}
        return {row["account"]: (row["sequence"], (row["posted"], row["pending_out"], row["pending_in"])) for row in rows}
