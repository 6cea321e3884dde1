"""Which shards this host holds: says that it is alive, reads the shard map, claims and gives up until its share is right."""

import asyncio
import logging

from actors.balance import plan
from actors.commit_loop import CommitLoop
from processor.clock import now_microseconds
from processor.core.ensure import Broken
from processor.journal.interface import Fenced, Journal, JournalCorrupt, JournalUnavailable, Ownership, ShardMap
from processor.recovery import recover

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 0.5


class OwnershipLoop:
    """Keeps one host's shards in step with the shard map."""

    def __init__(self, journal: Journal, shard_map: ShardMap, loop: CommitLoop, host: str, actor: str, pid: int) -> None:
        self._journal = journal
        self._map = shard_map
        self._loop = loop
        self._host = host
        self._actor = actor
        self._pid = pid
        self._is_leaving = False
        self._turn = asyncio.Lock()
        self._broken: dict[int, str] = {}
        self.owners: dict[int, str] = {}
        """The actor that owns each shard, as of the last heartbeat."""
        self.door = b""
        """Where others hand over messages; told with every heartbeat."""

    @property
    def broken(self) -> dict[int, str]:
        """Shards that could not be recovered, with the reason: they stay closed until a person has looked."""
        return dict(self._broken)

    async def run(self) -> None:
        """Balance until cancelled; a journal that cannot be reached is tried again."""
        while not self._is_leaving:
            try:
                await self._balance()
                await self._map.wait_for_change(HEARTBEAT_SECONDS)
            except JournalUnavailable as error:
                logger.warning("the shard map cannot be reached, trying again: %s", error)
                await asyncio.sleep(HEARTBEAT_SECONDS)

    async def leave(self) -> None:
        """Give every shard up and tell the others that this host is going. The last thing to call."""
        self._is_leaving = True
        await self._balance()
        await self._map.remove_host(self._host)

    async def _balance(self) -> None:
        async with self._turn:
            await self._balance_once()

    async def _balance_once(self) -> None:
        hosts, shards = await self._map.heartbeat(self._host, self._actor, self._pid, leaving=self._is_leaving, door=self.door)
        actors = {host.host: host.actor for host in hosts}
        self.owners = {shard.shard: actors[shard.host] for shard in shards if shard.host in actors}
        self._notice_lost(shards)
        steps = plan(self._host, hosts, shards, self._loop.held)
        for shard in steps.release:
            head = await self._loop.give_up(shard)
            if head is not None:
                await self._map.release(shard, head.epoch)
                logger.info("gave up shard %d at sequence %d", shard, head.sequence)
        for ownership in steps.claim:
            if ownership.shard not in self._broken:
                await self._claim(ownership)

    def _notice_lost(self, shards: list[Ownership]) -> None:
        """A shard that the map gives to somebody else is theirs, even if no append has been refused here yet."""
        epochs = {head.shard: head.epoch for head in self._loop.heads()}
        lost = [shard.shard for shard in shards if shard.shard in epochs and shard.epoch != epochs[shard.shard]]
        if lost:
            logger.warning("shards %s have been taken over by another host", lost)
            self._loop.halt(Fenced(f"shards {lost} have a newer epoch"))

    async def _claim(self, ownership: Ownership) -> None:
        shard = ownership.shard
        epoch = await self._map.claim(shard, ownership.epoch, self._host)
        if epoch is None:
            return
        try:
            head = await self._journal.open(shard, epoch, now_microseconds())
            state, last_hash = await recover(self._journal, shard, head.sequence)
            if (state.sequence, last_hash) != (head.sequence, head.hash):
                raise JournalCorrupt(f"shard {shard} recovers to record {state.sequence}, its head is {head.sequence}")
        except Fenced:
            return
        except (JournalCorrupt, Broken) as error:
            self._broken[shard] = str(error)
            logger.error("shard %d stays closed, `payments verify` says more: %s", shard, error)
            return
        await self._loop.take_over(state, head)
        logger.info("serves shard %d from sequence %d in epoch %d", shard, head.sequence, epoch)
