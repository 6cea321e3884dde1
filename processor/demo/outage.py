"""Killing a shard host in the middle of a load, and watching until its shards answer again."""

import asyncio
from time import monotonic

import msgspec
import psutil

from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable
from processor.client.together import run_together
from processor.demo.shard_hosts import Shard, local_process, read_shards, shards_of_busiest_host

_POLL_SECONDS = 0.02
_PROBE_TIMEOUT_SECONDS = 2.0
_GIVE_UP_SECONDS = 60.0


class Outage(msgspec.Struct, frozen=True):
    """A shard host's death: when (monotonic seconds), which process, how many shards, how long each did not answer.

    A shard that has no account of ours is not in `away_seconds`.
    """

    killed_at: float
    pid: int
    host: str
    shards: int
    away_seconds: dict[int, float]

    @property
    def over_at(self) -> float:
        """When the last of the shards answered again."""
        return self.killed_at + max(self.away_seconds.values(), default=0.0)

    def seconds_within(self, begin: float, end: float) -> float:
        """Return how much of the span from `begin` to `end` (monotonic) it lasted."""
        return max(0.0, min(end, self.over_at) - max(begin, self.killed_at))


class Victim(msgspec.Struct, frozen=True):
    """A shard host that may be killed, and the shards that it owns."""

    process: psutil.Process
    shards: list[Shard]


async def find_victim(address: Address) -> Victim:
    """Return the shard host that owns the most shards. Raises NotOurs, Unavailable, UnexpectedAnswer."""
    async with Connection(address) as connection:
        shards = shards_of_busiest_host(await read_shards(connection))
    return Victim(local_process(shards[0].pid, address), shards)


async def kill_shard_host(victim: Victim, address: Address, probes: dict[int, str]) -> Outage:
    """Kill the host with SIGKILL, and return once all its shards answer again.

    `probes` names an account per shard, which is read over and over. Raises Unavailable if a shard is not back within 60 s,
    UnexpectedAnswer.
    """
    victim.process.kill()
    killed_at = monotonic()
    watched = [shard.shard for shard in victim.shards if shard.shard in probes]
    away = await run_together(_until_back(address, probes[shard], killed_at) for shard in watched)
    first = victim.shards[0]
    return Outage(killed_at, first.pid, first.host, len(victim.shards), dict(zip(watched, away, strict=True)))


async def _until_back(address: Address, account: str, killed_at: float) -> float:
    """Return the seconds from the death to the first answer about the account."""
    async with Connection(address, timeout_seconds=_PROBE_TIMEOUT_SECONDS, retry_seconds=0.0) as connection:
        while True:
            try:
                reply = await connection.get(f"/v1/accounts/{account}")
                if reply.status != 200:
                    raise UnexpectedAnswer(f"account {account} was answered with {reply.status} {reply.problem()}")
                return monotonic() - killed_at
            except Unavailable:
                if monotonic() - killed_at > _GIVE_UP_SECONDS:
                    raise
            await asyncio.sleep(_POLL_SECONDS)
