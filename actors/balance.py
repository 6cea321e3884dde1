"""Who should own which shards: a rule that every host can work out for itself from the same table, with the same result."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from processor.journal.interface import Host, Ownership


class Plan(NamedTuple):
    """What one host should do now."""

    release: list[int]
    claim: list[Ownership]


def plan(me: str, hosts: Sequence[Host], shards: Sequence[Ownership], held: Collection[int]) -> Plan:
    """Return which shards the host `me`, which has `held` in memory, gives up and which it claims.

    Shards are spread evenly over the hosts that are alive; nobody gives up more than what is over its share, so little moves.
    A shard is free when nobody owns it or its owner is not alive. What the table names as mine although I do not hold it I claim
    in any case, even above my share: as long as I am alive nobody else may, and once held it can be given up.
    """
    alive = sorted(host.host for host in hosts if host.alive)
    if me not in alive:
        return Plan(sorted(held), [])
    share, rest = divmod(len(shards), len(alive))
    owned = {host: sum(1 for shard in shards if shard.host == host) for host in alive}
    # The hosts that own most keep the larger shares, so that an uneven division moves nothing by itself.
    by_size = sorted(alive, key=lambda host: (-owned[host], host))
    quota = share + (1 if by_size.index(me) < rest else 0)
    surplus = max(0, len(held) - quota)
    release = sorted(held)[len(held) - surplus :] if surplus else []
    mine = [shard for shard in shards if shard.host == me and shard.shard not in held]
    free = [shard for shard in shards if shard.host not in alive and shard.shard not in held]
    return Plan(release, mine + free[: max(0, quota - len(held) - len(mine))])
