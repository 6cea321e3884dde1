"""The ledger as the API sees it: the router for what is now, the journal for what was."""

import base64
import binascii
from collections.abc import Sequence
from typing import Literal

from actors.errors import LedgerError, OutcomeUnknown, ShardUnavailable
from actors.host import HostStatus
from actors.router import RETRY_AFTER_SECONDS, Router
from processor.core import messages as m
from processor.core.ids import parse_payment_id, payment_id
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.history import HistoryTooLong, Line, Position, find_payment, walk
from processor.journal.interface import Host, Journal, JournalUnavailable, Ownership, ShardMap
from serve.ledger import BadCursor, Entry, EntryPage, RecordedPayment, ShardStatus


class RoutedLedger:
    """Implements serve.ledger.Ledger over the shard hosts and the journal."""

    def __init__(self, shards: int, router: Router, journal: Journal, shard_map: ShardMap) -> None:
        self._shards = shards
        self._router = router
        self._journal = journal
        self._map = shard_map

    @property
    def shards(self) -> int:
        """The number of shards."""
        return self._shards

    async def ask(self, message: m.AnyMessage) -> m.AnyAnswer:
        """Return the shard's answer."""
        return await self._router.ask(message)

    async def ask_all(self, messages: Sequence[m.AnyMessage]) -> list[m.AnyAnswer | LedgerError]:
        """Return the answers in order."""
        return await self._router.ask_all(messages)

    async def entries(self, account: str, cursor: str | None, limit: int) -> EntryPage | None:
        """Return a page of the account's entries, newest first."""
        start = _decode_cursor(cursor) if cursor is not None else None
        answer = await self._read(account)
        if answer.account is None:
            return None
        start = start or Position(answer.account.last_sequence)
        entries: list[Entry] = []
        after: Position | None = None
        try:
            async for line, position in walk(self._journal, shard_of(account, self._shards), account, start):
                if len(entries) == limit:
                    return EntryPage(entries, _encode_cursor(after), answer.sequence)
                entries.append(_entry(line))
                after = position
        except (JournalUnavailable, HistoryTooLong) as error:
            raise ShardUnavailable(shard_of(account, self._shards), RETRY_AFTER_SECONDS) from error
        return EntryPage(entries, None, answer.sequence)

    async def balances_at(self, account: str, at: int) -> m.AccountView | None:
        """Return the account with the balance that its entries gave it by `at`; what was only reserved then does not count."""
        view = (await self._read(account)).account
        if view is None or view.opened_at > at:
            return None
        posted = 0
        last_sequence = 0
        try:
            shard = shard_of(account, self._shards)
            async for line, _ in walk(self._journal, shard, account, Position(view.last_sequence)):
                if line.at <= at:
                    posted, last_sequence = line.posted, line.sequence
                    break
        except (JournalUnavailable, HistoryTooLong) as error:
            raise ShardUnavailable(shard, RETRY_AFTER_SECONDS) from error
        return m.AccountView(
            view.id, view.currency, view.status, posted, 0, 0, view.min_balance, view.max_balance, view.version, view.metadata,
            view.opened_at, last_sequence,
        )  # fmt: skip

    async def payment(self, payment_id: str) -> RecordedPayment | None:
        """Return the payment from the journal."""
        place = parse_payment_id(payment_id)
        if place is None or place.shard >= self._shards:
            return None
        try:
            found = await find_payment(self._journal, place)
        except JournalUnavailable as error:
            raise ShardUnavailable(place.shard, RETRY_AFTER_SECONDS) from error
        if found is None:
            return None
        message, as_of = found
        answer = m.PaymentAnswer(Result.ACCEPTED, False, place.at, place.sequence, place.index, as_of)
        return RecordedPayment(message, answer, as_of)

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

    async def readiness(self) -> list[str]:
        """Return what keeps the ledger from working."""
        try:
            hosts, ownership = await self._view()
        except ShardUnavailable:
            return ["the journal cannot be reached"]
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

    async def _view(self) -> tuple[list[Host], list[Ownership]]:
        try:
            return await self._map.view()
        except JournalUnavailable as error:
            raise ShardUnavailable(0, RETRY_AFTER_SECONDS) from error

    async def _read(self, account: str) -> m.AccountAnswer:
        answer = await self._router.ask(m.ReadAccount(shard_of(account, self._shards), account))
        if not isinstance(answer, m.AccountAnswer):
            raise OutcomeUnknown(f"a read was answered with {type(answer).__name__}")
        return answer


def _entry(line: Line) -> Entry:
    direction: Literal["debit", "credit"] = "debit" if line.amount < 0 else "credit"
    return Entry(payment_id(*line.payment), direction, abs(line.amount), line.posted, line.at, line.sequence)


def _shard_status(shard: int, epoch: int, actor: str, pid: int, told: HostStatus | None) -> ShardStatus:
    sequence = next((position.sequence for position in told.shards if position.shard == shard), 0) if told else 0
    queue_length = told.queue_length if told else 0
    p50_ms, p99_ms = (told.commit_p50_seconds * 1000, told.commit_p99_seconds * 1000) if told else (0.0, 0.0)
    return ShardStatus(shard, actor, actor, pid, epoch, sequence, queue_length, round(p50_ms, 3), round(p99_ms, 3))


def _encode_cursor(position: Position | None) -> str | None:
    if position is None or not position.sequence:
        return None
    return base64.urlsafe_b64encode(f"{position.sequence}.{position.skip}".encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> Position:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        sequence, _, skip = text.partition(".")
        position = Position(int(sequence), int(skip))
    except (binascii.Error, ValueError) as error:
        raise BadCursor("the cursor is not one of this list's") from error
    if position.sequence < 1 or position.skip < 0:
        raise BadCursor("the cursor is not one of this list's")
    return position
