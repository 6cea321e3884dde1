"""The archive in PostgreSQL: what the read model knows of keys and payments that shards have forgotten."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from processor.core.payment import Payment
from processor.core.recall import AnyFact, OutcomeFact, PaymentFact, Recall
from processor.journal.interface import Journal, JournalCorrupt, JournalUnavailable
from processor.journal.postgres.link import Timeouts
from processor.journal.postgres.readers import Readers
from processor.projections.archived_payment import payment_in_journal, payment_of
from processor.projections.interface import ArchiveUnavailable
from processor.projections.queries import load_queries

_QUERIES = load_queries("archive.sql")
# A client waits for the answer.
_TIMEOUTS = Timeouts(connect_seconds=2.0, command_seconds=2.0)

Place = tuple[int, int, int]


class PostgresArchive:
    """Implements Archive over the schema `projections`, and for payments newer than that over the journal."""

    def __init__(self, readers: Readers, journal: Journal) -> None:
        """Use `connect` instead."""
        self._readers = readers
        self._journal = journal

    @classmethod
    async def connect(cls, dsn: str, journal: Journal) -> Self:
        """Return an archive; its connections are made when they are needed."""
        return cls(await Readers.create(dsn, _TIMEOUTS), journal)

    async def close(self) -> None:
        """Close the archive's own connections; the journal stays open."""
        await self._readers.close()

    async def recall(self, asked: Sequence[Recall]) -> list[AnyFact]:
        keys = [(ask.shard, ask.key) for ask in asked if ask.key is not None]
        places = [(ask.shard, ask.place) for ask in asked if ask.key is None and ask.place is not None]
        with _archive_errors():
            outcomes = iter(await self._outcomes(keys) if keys else ())
            payments = iter(await self._payments(places) if places else ())
        return [next(outcomes) if ask.key is not None else next(payments) for ask in asked]

    async def positions(self) -> dict[int, int]:
        with _archive_errors():
            return {row["shard"]: row["sequence"] for row in await self._readers.fetch(_QUERIES["positions"])}

    async def _outcomes(self, asked: list[tuple[int, bytes]]) -> list[AnyFact]:
        shards, keys = zip(*asked, strict=True)
        rows = await self._readers.fetch(_QUERIES["outcomes"], shards, keys)
        return [OutcomeFact(shard, key, row["outcome"], row["position"]) for (shard, key), row in zip(asked, rows, strict=True)]

    async def _payments(self, asked: list[tuple[int, Place]]) -> list[AnyFact]:
        columns = zip(*((at, shard, sequence, index) for shard, (at, sequence, index) in asked), strict=True)
        facts: list[AnyFact] = []
        for (shard, place), row in zip(asked, await self._readers.fetch(_QUERIES["payments"], *columns), strict=True):
            payment: Payment | None = None
            if row["status"] is not None:
                payment = payment_of(row)
            elif row["transfer"] is not None or place[1] > row["position"]:
                payment = await payment_in_journal(self._journal, shard, place)
            facts.append(PaymentFact(shard, place, payment, row["position"]))
        return facts


@contextmanager
def _archive_errors() -> Iterator[None]:
    try:
        yield
    except (JournalUnavailable, JournalCorrupt) as error:
        raise ArchiveUnavailable(f"the archive cannot be read: {error}") from error
