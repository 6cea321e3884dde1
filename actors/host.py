"""A shard host without Ray: journal, commit loop, ownership and the post to other hosts, wired together."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

import msgspec

from actors.commit_loop import CommitLoop
from actors.commit_times import CommitCounts
from actors.ownership import OwnershipLoop
from actors.shard_position import ShardPosition
from processor.core.ledger import Retention
from processor.core.peers import AnyPeerMessage
from processor.journal.interface import Journal, JournalUnavailable, ShardMap
from processor.projections.interface import Archive

logger = logging.getLogger(__name__)


class HostGone(Exception):
    """The host's process is dead or cannot be reached; what was under way there may or may not have happened."""


class HostHandle(Protocol):
    """What other processes can ask of a host."""

    async def submit(self, batch: bytes) -> bytes:
        """Hand over a MessagePack list of messages, get the list of answers. Raises HostGone."""
        ...

    async def exchange(self, batch: bytes) -> None:
        """Hand over a MessagePack list of messages from other shards. Raises HostGone."""
        ...

    async def status(self) -> "HostStatus":
        """Return how the host is doing. Raises HostGone."""
        ...


Connect = Callable[[str], HostHandle]
"""From a host's actor name to its handle. Raises HostGone."""


class HostStatus(msgspec.Struct, frozen=True):
    """One host at one moment."""

    host: str
    pid: int
    shards: list[ShardPosition]
    broken: dict[int, str]
    queue_length: int
    queue_limit: int
    turns: int
    messages: int
    decide_seconds: float
    append_seconds: float
    commit_p50_seconds: float
    commit_p99_seconds: float
    counts: CommitCounts


class Host:
    """Everything of one shard host that runs in one event loop."""

    def __init__(
        self,
        journal: Journal,
        shard_map: ShardMap,
        shards: int,
        name: str,
        pid: int,
        connect: Connect,
        queue_limit_messages: int,
        on_failure: Callable[[], None] = lambda: None,
        archive: Archive | None = None,
        retention: Retention | None = None,
    ) -> None:
        """`on_failure` is called when the host can no longer work; whoever started it should end the process."""
        self.name = name
        self._pid = pid
        self._connect = connect
        self._handles: dict[str, HostHandle] = {}
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()
        self.loop = CommitLoop(journal, shards, self._send, queue_limit_messages, archive=archive, retention=retention)
        self.ownership = OwnershipLoop(journal, shard_map, self.loop, name, name, pid)

    def start(self, door: bytes = b"") -> None:
        """Begin to take turns and to claim shards. `door`: where others hand over messages, which the shard map tells them."""
        self.ownership.door = door
        self._spawn(self.loop.run()).add_done_callback(self._ended)
        self._spawn(self.ownership.run()).add_done_callback(self._ended)

    async def stop(self, leave: bool = True) -> None:
        """Give the shards up (unless told to just drop them) and stop."""
        if leave:
            try:
                await self.ownership.leave()
            except JournalUnavailable as error:
                logger.warning("left without telling the shard map: %s", error)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def status(self) -> HostStatus:
        """Return how the host is doing."""
        times = self.loop.times
        return HostStatus(
            self.name,
            self._pid,
            self.loop.positions(),
            self.ownership.broken,
            self.loop.queue_length,
            self.loop.queue_limit,
            times.turns,
            times.messages,
            times.decide_seconds,
            times.append_seconds,
            times.commit_seconds(0.5),
            times.commit_seconds(0.99),
            times.counts(),
        )

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """One of the two loops without which a host is only in the way: stop rather than hold shards that nobody serves."""
        if not task.cancelled() and task.exception() is not None:
            self._on_failure()

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a task of host %s failed", self.name, exc_info=task.exception())

    def _send(self, messages: Sequence[AnyPeerMessage]) -> None:
        self._spawn(self._post(messages))

    async def _post(self, messages: Sequence[AnyPeerMessage]) -> None:
        """Send each message to the host that owns its shard; what does not arrive is asked again by the core."""
        by_actor: dict[str, list[AnyPeerMessage]] = {}
        for message in messages:
            actor = self.ownership.owners.get(message.shard)
            if actor is not None:
                by_actor.setdefault(actor, []).append(message)
        for actor, batch in by_actor.items():
            try:
                handle = self._handles.get(actor)
                if handle is None:
                    handle = self._handles[actor] = self._connect(actor)
                await handle.exchange(msgspec.msgpack.encode(batch))
            except HostGone:
                self._handles.pop(actor, None)
                logger.info("host %s is gone; %d messages will be sent again", actor, len(batch))
