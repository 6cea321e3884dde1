"""The archive in this process's memory, for the simulation and for tests: the same rows, made by the same fold, in dicts."""

from collections.abc import Sequence
from typing import Any

from processor.core.events import decode_events
from processor.core.payment import Payment
from processor.core.recall import AnyFact, OutcomeFact, PaymentFact, Recall
from processor.journal.interface import Journal, JournalCorrupt, JournalUnavailable
from processor.projections.archived_payment import PAYMENT_COLUMNS, payment_in_journal, payment_of
from processor.projections.fold import Fold, accounts_to_know
from processor.projections.interface import ArchiveUnavailable
from processor.projections.memory import Memory
from processor.projections.rows import Key, Rows, apply_change


class MemoryArchive:
    """Implements Archive. It knows of the journal what `advance` has read."""

    def __init__(self, journal: Journal) -> None:
        """Begin with nothing."""
        self._journal = journal
        self._positions: dict[int, int] = {}
        self._memories: dict[int, Memory] = {}
        self._posted: dict[str, int] = {}
        self._outcomes: dict[bytes, bytes] = {}
        self._payments: dict[Key, list[Any]] = {}

    async def advance(self, shard: int | None = None) -> None:
        """Take in what is new in one shard's journal, or in all. Raises ArchiveUnavailable."""
        try:
            for number in range(await self._journal.shard_count()):
                if shard in (None, number):
                    await self._advance(number)
        except (JournalUnavailable, JournalCorrupt) as error:
            raise ArchiveUnavailable(f"the archive cannot read the journal: {error}") from error

    async def recall(self, asked: Sequence[Recall]) -> list[AnyFact]:
        return [await self._recall(ask) for ask in asked]

    async def positions(self) -> dict[int, int]:
        return {shard: self._positions.get(shard, 0) for shard in range(await self._journal.shard_count())}

    async def _advance(self, shard: int) -> None:
        memory = self._memories.setdefault(shard, Memory({}, {}))
        async for record in self._journal.read(shard, self._positions.get(shard, 0)):
            events = decode_events(record.payload)
            rows = Rows()
            memory.learn({account: self._posted.get(account, 0) for account in accounts_to_know(events, memory)})
            Fold(shard, memory, rows).take(record.sequence, record.at, events)
            self._keep(rows)
            self._positions[shard] = record.sequence

    def _keep(self, rows: Rows) -> None:
        self._payments.update(rows.payments)
        for key, change in rows.payment_changes.items():
            apply_change(self._payments[key], change)
        self._outcomes.update({key: outcome for key, _, outcome in rows.outcomes})
        self._posted.update({row[0]: row[6] for row in rows.entries})

    async def _recall(self, ask: Recall) -> AnyFact:
        position = self._positions.get(ask.shard, 0)
        if ask.key is not None:
            return OutcomeFact(ask.shard, ask.key, self._outcomes.get(ask.key), position)
        assert ask.place is not None
        return PaymentFact(ask.shard, ask.place, await self._payment(ask.shard, ask.place, position), position)

    async def _payment(self, shard: int, place: tuple[int, int, int], position: int) -> Payment | None:
        at, sequence, index = place
        row = self._payments.get((at, shard, sequence, index))
        if row is not None:
            return payment_of(dict(zip(PAYMENT_COLUMNS, row, strict=True)))
        if sequence <= position and not self._travels(shard, place):
            return None
        try:
            return await payment_in_journal(self._journal, shard, place)
        except (JournalUnavailable, JournalCorrupt) as error:
            raise ArchiveUnavailable(f"the archive cannot read the journal: {error}") from error

    def _travels(self, shard: int, place: tuple[int, int, int]) -> bool:
        transfers = self._memories[shard].transfers if shard in self._memories else {}
        return any(home == shard and (begun.at, begun.sequence, begun.index) == place for (home, _), begun in transfers.items())
