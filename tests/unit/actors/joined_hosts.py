"""Commit loops over one journal in memory behind a real router, whose shards move, and whose calls are lost, as a test says."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import msgspec

from actors.commit_loop import CommitLoop
from actors.host import HostGone, HostStatus
from actors.router import Router
from processor.core import messages as m
from processor.core.ledger import Retention
from processor.core.messages import Leg
from processor.core.peers import AnyPeerMessage
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.journal.interface import JournalUnavailable
from processor.journal.memory import MemoryJournal
from processor.journal.record import Record
from processor.projections.memory_archive import MemoryArchive
from processor.recovery import recover
from tests.cluster import START, account_on, digest
from tests.unit.actors.rounds import until

SHARDS = 4
Trouble = Literal["call lost", "answer lost"]
_decode = msgspec.msgpack.Decoder(list[m.Request]).decode
_decode_replies = msgspec.msgpack.Decoder(list[m.Reply]).decode


class GatedJournal(MemoryJournal):
    """A journal whose appends wait for the gate, and fail while it `is_down`."""

    def __init__(self) -> None:
        super().__init__(SHARDS)
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0
        self.is_down = False

    async def append(self, records: Sequence[Record]) -> None:
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        if self.is_down:
            raise JournalUnavailable("it is down")
        await super().append(records)


class Handle:
    """Implements HostHandle for a loop nearby. `troubles` happen to the next calls; `calls` has what each of them held."""

    def __init__(self, loop: CommitLoop) -> None:
        self.loop = loop
        self.troubles: deque[Trouble] = deque()
        self.calls: list[list[m.Request]] = []

    async def submit(self, batch: bytes) -> bytes:
        self.calls.append(_decode(batch))
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble == "call lost":
            raise HostGone("the call was lost")
        answers = await self.loop.submit(batch)
        if trouble == "answer lost":
            raise HostGone("the answer was lost")
        return answers

    async def exchange(self, batch: bytes) -> None:
        raise AssertionError("a router does not exchange")

    async def status(self) -> HostStatus:
        raise HostGone("no status")


class JoinedHosts:
    """Hosts `a`, `b` ... by name.

    What their shards tell each other arrives at once, at whoever holds the shard, unless they `are_apart`.
    """

    def __init__(self, count: int, queue_limit_messages: int, retention: Retention | None) -> None:
        self.journal = GatedJournal()
        self.are_apart = False
        self.archive = MemoryArchive(self.journal)
        self.loops = {
            name: CommitLoop(
                self.journal, SHARDS, self._exchange, queue_limit_messages, archive=self.archive, retention=retention
            )
            for name in "abc"[:count]
        }
        self.handles = {name: Handle(loop) for name, loop in self.loops.items()}
        self.router: Router

    def _exchange(self, messages: Sequence[AnyPeerMessage]) -> None:
        for message in messages:
            for loop in self.loops.values():
                if message.shard in loop.held and not self.are_apart:
                    loop.receive(msgspec.msgpack.encode([message]))

    async def claim(self, name: str, *shards: int) -> None:
        """Take shards over, as the ownership loop does it."""
        for shard in shards:
            epoch = await self.journal.claim(shard, self.journal.epoch(shard), name)
            assert epoch is not None
            head = await self.journal.open(shard, epoch, START)
            state, _ = await recover(self.journal, shard)
            await self.loops[name].take_over(state, head)

    async def move(self, shard: int, before: str, after: str) -> None:
        """Let a host give a shard up, and another take it over."""
        await self.loops[before].give_up(shard)
        await self.claim(after, shard)

    async def ask(self, name: str, *messages: m.Request) -> list[m.Reply]:
        """Return what a host answers to a call."""
        return _decode_replies(await self.loops[name].submit(msgspec.msgpack.encode(messages)))

    async def posted(self) -> dict[str, int]:
        """Return all accounts' balances, by name."""
        found = {}
        for account in [account_on(shard, SHARDS, nth) for shard in range(SHARDS) for nth in range(2)]:
            answer = await self.router.ask(m.ReadAccount(shard_of(account, SHARDS), account))
            assert isinstance(answer, m.AccountAnswer)
            assert answer.account is not None
            found[account] = answer.account.posted
        return found


@asynccontextmanager
async def joined_hosts(
    count: int = 1,
    queue_limit_messages: int = 50_000,
    router_limit_messages: int = 50_000,
    timeout_seconds: float = 30.0,
    retention: Retention | None = None,
) -> AsyncIterator[JoinedHosts]:
    """Run hosts that share the shards, each of which has two accounts: the first may be overdrawn, the second may not."""
    hosts = JoinedHosts(count, queue_limit_messages, retention)
    names = list(hosts.loops)
    tasks = [asyncio.ensure_future(loop.run()) for loop in hosts.loops.values()]
    for name in names:
        await hosts.journal.heartbeat(name, name, 1)
    for shard in range(SHARDS):
        await hosts.claim(names[shard % count], shard)
    hosts.router = Router(hosts.journal, lambda actor: hosts.handles[actor], timeout_seconds, router_limit_messages)
    tasks.append(asyncio.ensure_future(hosts.router.run()))
    try:
        await until(lambda: hosts.router.ownership)
        openings = [
            m.OpenAccount(shard, account_on(shard, SHARDS, nth), "EUR", None if nth == 0 else 0)
            for shard in range(SHARDS)
            for nth in range(2)
        ]
        answers = await hosts.router.ask_all(openings)
        assert all(isinstance(answer, m.AccountAnswer) and answer.result is Result.ACCEPTED for answer in answers)
        yield hosts
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def leg(source: int, target: int, amount: int = 5, of: int = 0) -> Leg:
    """Return a leg from the nth account of a shard to the second account of another one (or of the same)."""
    return Leg(account_on(source, SHARDS, of), account_on(target, SHARDS, 1), amount, "EUR")


def batch(*legs: tuple[str, Leg]) -> m.PayMany:
    """Return payments by their keys, as columns."""
    return m.PayMany(
        b"".join(digest((key, leg.from_account)) for key, leg in legs), b"".join(digest(leg) for _, leg in legs),
        [leg.from_account for _, leg in legs], [leg.to_account for _, leg in legs], [leg.amount for _, leg in legs],
        ["EUR"], [],
    )  # fmt: skip
