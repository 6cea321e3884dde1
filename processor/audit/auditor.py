"""The auditor: reads every shard's journal as it grows, holds it against the rules, and compares what others say with it.

Two others are asked about a few accounts in every round: the live shard host, and the read model. Each answer says of which record
it is, and the auditor's own state must say the same once it has replayed that record. So it never needs anybody to stand still,
and it does not go beyond what the read model has, as long as that keeps up.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice
from random import Random
from time import perf_counter
from typing import Protocol

import msgspec

from processor.audit.problems import Problems
from processor.audit.proof import check_recalled
from processor.audit.shard_audit import ShardAudit
from processor.audit.store import AuditRow, AuditStore
from processor.core.ensure import Broken
from processor.core.shard import Shard
from processor.journal.interface import Journal, JournalCorrupt, JournalUnavailable
from processor.journal.record import NO_HASH
from processor.projections.interface import ArchiveUnavailable

logger = logging.getLogger(__name__)

ROUND_SECONDS = 1.0
RECORDS_PER_STEP = 200
"""How many records of a shard are taken before the auditor looks at its share of the time again."""

SAMPLE = 16
"""How many accounts of a shard are compared in a round, with each of the others."""

LAG_MAX = 10_000
"""How many records the read model may be behind before the auditor goes on without it."""

Balances = tuple[int, int, int]
"""(posted, pending_out, pending_in)"""


class Witness(Protocol):
    """Somebody who says how accounts stand."""

    async def testify(self, shard: int, accounts: Sequence[str]) -> Mapping[str, tuple[int, Balances]]:
        """Return, for those of the accounts that can be told now, the record as of which, and the balances."""
        ...


class Claim(msgspec.Struct, frozen=True):
    """What a witness has said of an account."""

    witness: str
    account: str
    balances: Balances


class _ShardAuditor:
    """One shard: its audit, the claims to be compared, and what is written down of it."""

    def __init__(self, audit: ShardAudit, last_hash: bytes, problems: Problems) -> None:
        self.audit = audit
        self.last_hash = last_hash
        self.problems = problems
        self.row = AuditRow(audit.state.number, audit.state.sequence, audit.state.sequence, audit.state.at)
        self.claims: dict[int, list[Claim]] = {}
        self.is_broken = False
        self.has_told = False

    def compare(self) -> None:
        """Compare what was claimed of the record that was just replayed."""
        state = self.audit.state
        for claim in self.claims.pop(state.sequence, ()):
            account = state.accounts.get(claim.account)
            found = (account.posted, account.pending_out, account.pending_in) if account is not None else None
            self.row.compared += 1
            if found != claim.balances:
                self.problems.report(
                    f"shard {state.number}, record {state.sequence}: {claim.witness} has account {claim.account} as"
                    f" (posted, pending_out, pending_in) {claim.balances}, the journal says {found}"
                )

    def note(self) -> None:
        """Write down where it stands."""
        self.row.sequence, self.row.recorded_at = self.audit.state.sequence, self.audit.state.at
        if self.problems.texts and self.row.divergence is None:
            self.row.divergence, self.row.divergence_sequence = self.problems.texts[0], self.row.sequence
            logger.error("the audit has found a divergence: %s", self.row.divergence)


class Auditor:
    """All shards. `share`: the share of one core's time that it takes at most while it is behind."""

    def __init__(
        self,
        journal: Journal,
        store: AuditStore,
        witnesses: Mapping[str, Witness],
        read_model_positions: Callable[[], Awaitable[Mapping[int, int]]],
        share: float,
    ) -> None:
        self._journal = journal
        self._store = store
        self._witnesses = witnesses
        self._positions = read_model_positions
        self._share = share
        self._shards: list[_ShardAuditor] = []
        self._random = Random()

    async def run(self) -> None:
        """Audit until cancelled."""
        while True:
            try:
                await self.round()
            except (JournalUnavailable, OSError) as error:
                logger.warning("the audit waits: %s", error)
            await asyncio.sleep(ROUND_SECONDS)

    async def round(self) -> None:
        """Read what is new, compare, and write down how far it is. Raises JournalUnavailable."""
        if not self._shards:
            self._shards = [await self._begin(number) for number in range(await self._journal.shard_count())]
        positions = await self._read_model_positions()
        for shard in self._shards:
            if not shard.is_broken:
                await self._gather(shard)
                await self._advance(shard, positions.get(shard.row.shard, 0))
            shard.note()
        await self._write_down()

    async def _write_down(self) -> None:
        """Write down how far it is. Where a divergence was told and its row is gone, somebody has looked: begin anew."""
        told = [shard.row.shard for shard in self._shards if shard.has_told]
        removed = await self._store.save([shard.row for shard in self._shards], told)
        for shard in self._shards:
            shard.has_told = shard.row.divergence is not None
        for number in removed:
            self._shards[number] = await self._begin(number)

    async def _read_model_positions(self) -> Mapping[int, int]:
        try:
            return await self._positions()
        except ArchiveUnavailable as error:
            logger.warning("the audit goes on without the read model: %s", error)
            return {}

    async def _begin(self, number: int) -> _ShardAuditor:
        problems = Problems()
        state, last_hash = Shard(number, await self._journal.shard_count()), NO_HASH
        snapshot = await self._journal.latest_snapshot(number)
        if snapshot is not None:
            state, last_hash = Shard.decode(snapshot.state), snapshot.hash
        return _ShardAuditor(ShardAudit(state, problems, thorough=False), last_hash, problems)

    async def _gather(self, shard: _ShardAuditor) -> None:
        """Ask the witnesses about a few accounts."""
        if not shard.audit.state.accounts:
            return
        accounts = self._sample(shard)
        now = shard.audit.state.sequence
        shard.claims = {sequence: claims for sequence, claims in shard.claims.items() if sequence > now}
        for name, witness in self._witnesses.items():
            for account, (sequence, balances) in (await witness.testify(shard.row.shard, accounts)).items():
                if sequence >= now:
                    shard.claims.setdefault(sequence, []).append(Claim(name, account, balances))
        shard.compare()

    def _sample(self, shard: _ShardAuditor) -> list[str]:
        # Accounts that were opened not far from each other: to pick from all would copy a million names in every round.
        accounts = shard.audit.state.accounts
        first = self._random.randrange(len(accounts))
        return list(islice(accounts, first, first + SAMPLE))

    async def _advance(self, shard: _ShardAuditor, position: int) -> None:
        head = (await self._journal.head(shard.row.shard)).sequence
        until = position if head - position <= LAG_MAX and position else head
        audit = shard.audit
        while audit.state.sequence < min(until, head):
            started = perf_counter()
            try:
                end = min(audit.state.sequence + RECORDS_PER_STEP, until)
                async for record in self._journal.read(shard.row.shard, audit.state.sequence, end):
                    if record.previous_hash != shard.last_hash:
                        raise JournalCorrupt(f"record {record.sequence} does not follow the one before it")
                    audit.take(record)
                    shard.last_hash = record.hash()
                    shard.compare()
                for sequence, payment in audit.recalled:
                    await check_recalled(self._journal, shard.row.shard, sequence, payment, shard.problems)
                audit.recalled.clear()
            except (JournalCorrupt, Broken) as error:
                shard.problems.report(f"shard {shard.row.shard}: the journal breaks after record {audit.state.sequence}: {error}")
                shard.is_broken = True
                return
            worked_seconds = perf_counter() - started
            await asyncio.sleep(worked_seconds * (1 / self._share - 1))
