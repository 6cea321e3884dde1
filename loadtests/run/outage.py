"""The host that is killed in the middle of a run, where the scenario says so."""

import asyncio
from collections.abc import Mapping

import msgspec

from loadtests.run.failure import CannotRun
from loadtests.run.target import Target
from processor.demo.outage import find_victim, kill_shard_host
from processor.demo.shard_hosts import NotOurs

KILL_AT_SHARE = 0.4


class KilledHost(msgspec.Struct, frozen=True):
    """A host that got SIGKILL: when (seconds after the start), how many shards it had, and when the last of them answered again."""

    at_seconds: float
    shards: int
    away_seconds: float


async def kill_host(target: Target, probes: Mapping[int, str], started: asyncio.Event, run_seconds: float) -> KilledHost:
    """Kill the busiest host when so much of the run is over, and return when its shards answer again.

    `probes` names an account on each shard. Raises CannotRun if no host of this machine can be killed, Unavailable.
    """
    try:
        # Found beforehand, so that nothing is left to do but to kill it.
        victim = await find_victim(target.address)
    except NotOurs as error:
        raise CannotRun(f"no shard host can be killed: {error}") from None
    await started.wait()
    at_seconds = run_seconds * KILL_AT_SHARE
    await asyncio.sleep(at_seconds)
    outage = await kill_shard_host(victim, target.address, dict(probes))
    return KilledHost(at_seconds, outage.shards, outage.over_at - outage.killed_at)
