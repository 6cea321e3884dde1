"""The ledger as the API sees it: the router for what is now, the journal and the projections for what was."""

from collections.abc import Awaitable, Sequence

from actors.errors import LedgerError, ShardUnavailable
from actors.host import HostStatus
from actors.payment_outcomes import PaymentOutcomes
from actors.router import RETRY_AFTER_SECONDS, Router
from processor.core import messages as m
from processor.core.ids import Place
from processor.journal.interface import Host, Journal, JournalCorrupt, JournalUnavailable, Ownership, ShardMap
from processor.operation_history import OperationHistory, RecordedOperation
from serve.ledger import ShardStatus
from serve.reads import Reads


class RoutedLedger:
    """Implements serve.ledger.Ledger over the shard hosts and the journal."""

    def __init__(self, shards: int, router: Router, journal: Journal, shard_map: ShardMap, reads: Reads) -> None:
        self._shards = shards
        self._router = router
        self._journal = journal
        self._map = shard_map
        self.reads = reads

    @property
    def shards(self) -> int:
        """The number of shards."""
        return self._shards

    async def ask(self, message: m.AnyMessage) -> m.AnyAnswer:
        """Return the shard's answer."""
        return await self._router.ask(message)

    def submit(self, message: m.AnyMessage) -> Awaitable[m.AnyAnswer]:
        """Return what the answer can be waited for by."""
        return self._router.submit(message)

    async def insist(self, message: m.AnyMessage, answer: m.AnyAnswer) -> m.AnyAnswer:
        """Return the shard's answer."""
        return await self._router.insist(message, answer)

    async def ask_all(self, messages: Sequence[m.AnyMessage]) -> list[m.AnyAnswer | LedgerError]:
        """Return the answers in order."""
        return await self._router.ask_all(messages)

    async def pay_many(self, payments: m.PayMany) -> PaymentOutcomes:
        """Return what became of each."""
        return await self._router.pay_many(payments, self._shards)

    async def operations(
        self, accepted: Sequence[tuple[m.Capture | m.Void | m.Refund, m.OperationAnswer]]
    ) -> list[RecordedOperation]:
        """Return what each accepted operation did, in order, from the journal."""
        history = OperationHistory(self._journal)
        return [await self._operation(history, message, answer) for message, answer in accepted]

    async def _operation(
        self, history: OperationHistory, message: m.Capture | m.Void | m.Refund, answer: m.OperationAnswer
    ) -> RecordedOperation:
        payment = Place(message.at, message.shard, message.sequence, message.index)
        place = Place(answer.at, message.shard, answer.sequence, answer.index)
        try:
            found = await history.find(payment, place, answer.as_of)
        except JournalUnavailable as error:
            raise ShardUnavailable(message.shard, RETRY_AFTER_SECONDS) from error
        if found is None:
            raise JournalCorrupt(f"shard {place.shard}: record {place.sequence} has no operation {place.index} on a payment")
        return found

    async def shard_status(self) -> list[ShardStatus]:
        """Return every shard with its host, as the shard map and the hosts themselves say."""
        hosts, ownership = await self._view()
        by_name = {host.host: host for host in hosts}
        status = await self._router.host_status()
        rows = []
        for shard in ownership:
            host = by_name.get(shard.host) if shard.host is not None else None
            told = status.get(host.actor) if host is not None else None
            rows.append(_shard_status(shard.shard, shard.epoch, host.actor if host else "", host.pid if host else 0, told))
        return rows

    async def host_status(self) -> list[HostStatus]:
        """Return how each shard host that answers is doing."""
        return list((await self._router.host_status()).values())

    async def readiness(self) -> list[str]:
        """Return what keeps the ledger from working."""
        try:
            hosts, ownership = await self._view()
            # Both stores of a mirrored journal; the shard map is in one of them.
            await self._journal.head(0)
        except ShardUnavailable:
            return ["the journal cannot be reached"]
        except JournalUnavailable as error:
            return [f"the journal cannot be reached: {error}"]
        problems = []
        alive = {host.host for host in hosts if host.alive}
        status = await self._router.host_status()
        served = {position.shard for told in status.values() for position in told.shards}
        for shard in ownership:
            if shard.host not in alive or shard.shard not in served:
                reasons = (told.broken[shard.shard] for told in status.values() if shard.shard in told.broken)
                reason = next(reasons, "it is moving")
                problems.append(f"shard {shard.shard} is not served: {reason}")
        return problems

    async def reach(self) -> list[str]:
        """Return what works and cannot be reached from here. A shard that nobody serves is no reason to keep a replica from the others."""
        try:
            hosts, _ = await self._map.view()
            await self._journal.head(0)
        except JournalUnavailable as error:
            return [f"the journal cannot be reached: {error}"]
        status = await self._router.host_status()
        problems = [f"the host {host.actor} does not answer" for host in hosts if host.alive and host.actor not in status]
        if not any(told.shards for told in status.values()):
            problems.append("no host that answers serves a shard")
        return problems

    async def _view(self) -> tuple[list[Host], list[Ownership]]:
        try:
            return await self._map.view()
        except JournalUnavailable as error:
            raise ShardUnavailable(0, RETRY_AFTER_SECONDS) from error


def _shard_status(shard: int, epoch: int, actor: str, pid: int, told: HostStatus | None) -> ShardStatus:
    sequence = next((position.sequence for position in told.shards if position.shard == shard), 0) if told else 0
    queue_length = told.queue_length if told else 0
    p50_ms, p99_ms = (told.commit_p50_seconds * 1000, told.commit_p99_seconds * 1000) if told else (0.0, 0.0)
    return ShardStatus(shard, actor, actor, pid, epoch, sequence, queue_length, round(p50_ms, 3), round(p99_ms, 3))
