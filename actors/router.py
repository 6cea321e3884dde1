"""From an account to the host that owns its shard: keeps the shard map at hand, and asks again while shards move.

Every message may be asked again without harm: payments carry an idempotency key, and the others say what should be, not what
should change. So a host that dies is not an error to a client, only a wait, until the request's time is over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from time import monotonic

from actors.errors import LedgerError, OutcomeUnknown, Overloaded, ShardUnavailable
from actors.host import Connect, HostGone, HostStatus
from actors.lanes import Lanes
from actors.payment_outcomes import PaymentOutcomes
from processor.core import messages as m
from processor.journal.interface import Host, JournalUnavailable, Ownership, ShardMap

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 1.0
ASK_AGAIN_SECONDS = 0.05
RETRY_AFTER_SECONDS = 1.0
STATUS_TIMEOUT_SECONDS = 1.0


class Router:
    """One API replica's view of all hosts."""

    def __init__(self, shard_map: ShardMap, connect: Connect, request_timeout_seconds: float, queue_limit_messages: int) -> None:
        self._map = shard_map
        self._connect = connect
        self._timeout = request_timeout_seconds
        self._queue_limit = queue_limit_messages
        self._lanes = Lanes(connect, request_timeout_seconds)
        self._changed = asyncio.Event()
        self._is_stale = asyncio.Event()
        self.hosts: list[Host] = []
        self.ownership: list[Ownership] = []

    async def run(self) -> None:
        """Keep the shard map fresh until cancelled."""
        while True:
            try:
                await self._refresh()
                stale = asyncio.ensure_future(self._is_stale.wait())
                changed = asyncio.ensure_future(self._map.wait_for_change(REFRESH_SECONDS))
                try:
                    await asyncio.wait((stale, changed), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (stale, changed):
                        task.cancel()
                await asyncio.gather(stale, changed, return_exceptions=True)
                if self._is_stale.is_set():
                    self._is_stale.clear()
                    await asyncio.sleep(ASK_AGAIN_SECONDS)
            except JournalUnavailable as error:
                logger.warning("the shard map cannot be read, going on with the last one: %s", error)
                await asyncio.sleep(REFRESH_SECONDS)

    async def _refresh(self) -> None:
        self.hosts, self.ownership = await self._map.view()
        actors = {host.host: host.actor for host in self.hosts}
        owners = {shard.shard: actors[shard.host] for shard in self.ownership if shard.host in actors}
        self._lanes.learn(owners, len(self.ownership))
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def waiting_messages(self) -> int:
        """How many messages to hosts are not answered yet."""
        return self._lanes.waiting_messages

    async def host_status(self) -> dict[str, HostStatus]:
        """Return how each host that can be reached is doing, by its actor's name."""
        actors = [host.actor for host in self.hosts if host.alive]
        found = await asyncio.gather(*(self._status_of(actor) for actor in actors))
        return {actor: status for actor, status in zip(actors, found, strict=True) if status is not None}

    async def _status_of(self, actor: str) -> HostStatus | None:
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_SECONDS):
                return await self._connect(actor).status()
        except (HostGone, TimeoutError):
            return None

    async def ask(self, message: m.AnyMessage) -> m.AnyAnswer:
        """Return the answer to one message. Raises Overloaded, ShardUnavailable, OutcomeUnknown."""
        answer = await self.submit(message)
        return await self.insist(message, answer) if isinstance(answer, m.NotOwner | m.Busy | m.Unknown) else answer

    def submit(self, message: m.AnyMessage) -> Awaitable[m.AnyAnswer]:
        """Send the message before anything is waited for, and return what its answer can be waited for by.

        Cancelling that takes nothing back. NotOwner, Busy and Unknown are for `insist`.
        """
        lane = self._lanes.lane_for(message)
        if lane is None or lane.waiting_messages >= self._queue_limit:
            return _at_once(m.NotOwner(message.shard))
        return _only_answer(lane.put([message]))

    async def insist(self, message: m.AnyMessage, answer: m.AnyAnswer) -> m.AnyAnswer:
        """Ask again, after this answer to `submit`, until the time is over. Raises as `ask`."""
        found = (await self._insist([message], {0} if isinstance(answer, m.Unknown) else set()))[0]
        if isinstance(found, LedgerError):
            raise found
        return found

    async def ask_all(self, messages: Sequence[m.AnyMessage]) -> list[m.AnyAnswer | LedgerError]:
        """Return the answers in the order asked; a message that could not be answered has an error in its place."""
        return await self._insist(messages, set())

    async def pay_many(self, payments: m.PayMany, shards: int) -> PaymentOutcomes:
        """Make many payments, each of which has its own outcome. `shards`: how many the ledger has."""
        outcomes = PaymentOutcomes(len(payments))
        again: list[int] = []
        doubtful: set[int] = set()
        asked = []
        for lane, places in self._lanes.sort_many(payments, shards, again):
            part = payments if len(places) == len(payments) else payments.select(places)
            if lane.waiting_messages + len(part) > self._queue_limit and lane.waiting_messages:
                outcomes.fail(places, Overloaded(RETRY_AFTER_SECONDS))
            else:
                asked.append((places, lane.put([part])))
        for places, future in asked:
            again += await _taken(outcomes, places, future, doubtful)
        if again:
            messages = [payments.pay(place, shards) for place in again]
            answers = await self._insist(messages, {position for position, place in enumerate(again) if place in doubtful})
            outcomes.others.update(zip(again, answers, strict=True))
        return outcomes

    async def _insist(self, messages: Sequence[m.AnyMessage], doubtful: set[int]) -> list[m.AnyAnswer | LedgerError]:
        """Ask until every message has an answer or the time is over. `doubtful`: those that may have taken effect already."""
        unavailable = {shard: ShardUnavailable(shard, RETRY_AFTER_SECONDS) for shard in {message.shard for message in messages}}
        answers: list[m.AnyAnswer | LedgerError] = [unavailable[message.shard] for message in messages]
        open_positions = list(range(len(messages)))
        deadline = monotonic() + self._timeout
        while open_positions:
            changed = self._changed
            open_positions = await self._ask_once(messages, answers, open_positions, doubtful)
            if open_positions:
                left = deadline - monotonic()
                if left <= 0:
                    break
                self._is_stale.set()
                try:
                    async with asyncio.timeout(min(left, REFRESH_SECONDS)):
                        await changed.wait()
                except TimeoutError:
                    pass
        for position in doubtful:
            if isinstance(answers[position], LedgerError):
                answers[position] = OutcomeUnknown("the shard host was lost under way; send it again with the same key")
        return answers

    async def _ask_once(
        self, messages: Sequence[m.AnyMessage], answers: list[m.AnyAnswer | LedgerError], positions: list[int], doubtful: set[int]
    ) -> list[int]:
        """Ask each owner once for everything that is open; return the positions that must be asked again."""
        again: list[int] = []
        asked = []
        for lane, group in self._lanes.sort(messages, positions, again):
            if lane.waiting_messages + len(group) > self._queue_limit and lane.waiting_messages:
                for position in group:
                    answers[position] = Overloaded(RETRY_AFTER_SECONDS)
            else:
                asked.append((group, lane.put([messages[position] for position in group])))
        for group, future in asked:
            try:
                got: Sequence[m.Reply] = await future
            except HostGone:
                got = [m.Unknown()] * len(group)
            for position, answer in zip(group, got, strict=True):
                match answer:
                    case m.Busy():
                        answers[position] = Overloaded(answer.retry_after_seconds)
                    case m.NotOwner():
                        again.append(position)
                    case m.Unknown():
                        again.append(position)
                        doubtful.add(position)
                    case m.PaidMany():
                        raise TypeError("a message by itself is not answered with columns")
                    case _:
                        answers[position] = answer
        return again


async def _at_once(answer: m.AnyAnswer) -> m.AnyAnswer:
    return answer


async def _only_answer(future: asyncio.Future[list[m.Reply]]) -> m.AnyAnswer:
    try:
        (answer,) = await future
    except HostGone:
        return m.Unknown()
    if isinstance(answer, m.PaidMany):
        raise TypeError("a message by itself is not answered with columns")
    return answer


async def _taken(
    outcomes: PaymentOutcomes, places: Sequence[int], future: asyncio.Future[list[m.Reply]], doubtful: set[int]
) -> list[int]:
    """Note what a host says about the payments at these places; return the places that must be asked about again."""
    try:
        paid, *singles = await future
    except HostGone:
        paid, singles = m.Unknown(), []
    if isinstance(paid, m.Busy):
        outcomes.fail(places, Overloaded(paid.retry_after_seconds))
        return []
    if not isinstance(paid, m.PaidMany):
        doubtful.update(places)
        return list(places)
    outcomes.take(places, paid, singles)
    again = []
    for place, answer in list(outcomes.others.items()):
        if isinstance(answer, m.Busy):
            outcomes.others[place] = Overloaded(answer.retry_after_seconds)
        elif isinstance(answer, m.NotOwner | m.Unknown):
            del outcomes.others[place]
            again.append(place)
            if isinstance(answer, m.Unknown):
                doubtful.add(place)
    return again
