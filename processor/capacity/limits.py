"""Where one ledger ends, each as code: what is needed, what there is at most, and what to do beyond it."""

import math

import msgspec

from processor.capacity.costs import cost
from processor.capacity.demand import Demand
from processor.capacity.prices import AURORA, GIBIBYTE, NODES, VALKEY
from processor.capacity.sizing import (
    HOSTS_MAX,
    MEMORY_USED,
    MIRRORED_SHARDS_MAX,
    NODE_OWN_BYTES,
    REPLICAS_MAX,
    SHARDS_MAX,
    Sizes,
    bridge_rate,
    host_microseconds,
    projector_rate,
)

FOLLOWING = 0.8
"""What follows the journal may be busy for so much of a month: the rest is for catching up after a peak or a stop."""
AURORA_BYTES_MAX = 128 * 2.0**40
"""Of one cluster's volume. AWS gives newer versions 256 TiB."""
CONNECTIONS_MAX = 5000
NEAR = 0.7
MAP_READS_MAX = 200_000
SPLIT = (
    "beyond them split it into ledgers with databases of their own, by region, currency or tenant, and pay between them through settlement "
    "accounts: nothing is atomic between two ledgers"
)


class Limit(msgspec.Struct, frozen=True):
    """`needed` and `allowed` are in `unit`. `can_split`: less is needed of each of several ledgers."""

    name: str
    needed: float
    allowed: float
    unit: str
    remedy: str = ""
    can_split: bool = True

    @property
    def used(self) -> float:
        """The share of what is allowed."""
        return self.needed / self.allowed

    def sentence(self) -> str:
        """Return what to say when it is exceeded, or nearly so."""
        state = "beyond this one ledger does not go" if self.used > 1 else "near the end of one ledger"
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{self.name}: {_number(self.needed)} of {_number(self.allowed)} {self.unit}; {state}{remedy}"


def limits(demand: Demand, sizes: Sizes) -> list[Limit]:
    """Return every limit of one ledger that has to carry all of the demand."""
    shards_max = MIRRORED_SHARDS_MAX if demand.journal == "mirrored" else SHARDS_MAX
    hot = demand.peak * demand.hottest_share * host_microseconds(demand, sizes.shard_hosts) / 1e6
    largest_node = (NODES["memory"][-1].memory_bytes - NODE_OWN_BYTES) / GIBIBYTE
    processes = 2 * sizes.shard_hosts + sizes.api_replicas + 4 + len(demand.bridges)
    found = [
        Limit("shard hosts", sizes.shard_hosts, HOSTS_MAX, "hosts (the setting's largest value)"),
        Limit("API replicas", sizes.api_replicas, REPLICAS_MAX, "replicas (the setting's largest value)", "batches need fewer"),
        Limit("shards", sizes.shards, shards_max, f"shards ({demand.journal} journal)"),
        Limit("memory of a host", sizes.host_memory_bytes / GIBIBYTE, largest_node, "GiB (the largest node)", "more hosts share it"),
        Limit("the projector", demand.mean, FOLLOWING * projector_rate(), "payments/s on average (one process writes the read model)"),
        *(
            Limit(
                f"the bridge {bridge}", demand.mean, FOLLOWING * bridge_rate(bridge),
                "payments/s on average (one process carries its events)", "without it nothing waits for it",
            )
            for bridge in demand.bridges
        ),
        Limit("Aurora's cores", sizes.database_cores, AURORA[-1].cores * demand.used, "cores (the largest instance, used as far as told)"),
        Limit(
            "Aurora's memory", sizes.database_memory_bytes / GIBIBYTE, AURORA[-1].memory_bytes / GIBIBYTE,
            "GiB (a day's pages, on the largest instance)",
        ),
        Limit("Aurora's commits", sizes.commits, cost("writer_commits"), "commits/s of the one writer (assumed)"),
        Limit("Aurora's log", sizes.journal_log_bytes / 1e6, cost("writer_log") / 1e6, "MB/s of the one writer (assumed)"),
        Limit("Aurora's connections", processes * cost("connections"), CONNECTIONS_MAX, "connections"),
        Limit(
            "Redis' memory", sizes.redis_bytes / GIBIBYTE, VALKEY[-1].memory_bytes * MEMORY_USED / GIBIBYTE, "GiB on the largest node",
            "fewer --key-hours need less",
        ),
        Limit(
            "the busiest account", hot, demand.used, "cores of the one host that has it",
            "no more machines help, only several accounts in its place, which a client chooses among", can_split=False,
        ),
    ]  # fmt: skip
    return [limit for limit in found if limit.needed]


def warnings(demand: Demand, sizes: Sizes, whole: list[Limit]) -> list[str]:
    """Return what to know beside the sizes: limits that all of the demand exceeds or comes near, and what time brings."""
    found = [limit.sentence() for limit in sorted(whole, key=lambda limit: -limit.used) if limit.used > NEAR]
    if any(limit.used > 1 for limit in whole if limit.can_split):
        found.append(SPLIT)
    months = AURORA_BYTES_MAX / (sizes.aurora_daily_bytes * 365 / 12)
    if months < 2 * demand.months:
        found.append(
            f"Aurora's volume holds 128 TiB: full after {months:,.1f} months at {sizes.aurora_daily_bytes / 2**30:,.0f} GiB a day; "
            "the program removes nothing from the journal or the read model, so a new ledger has to be begun before then"
        )
    if sizes.key_filter_days < 30 * demand.months:
        found.append(
            f"after {sizes.key_filter_days:,.1f} days a shard's filter of {sizes.key_filter_bytes / 2**20:,.0f} MiB tells new idempotency "
            "keys from old ones no longer, and each new key is looked up in the database (counted in its cores)"
        )
    if 0 < sizes.travelling < 1 and sizes.shard_hosts <= HOSTS_MAX:
        per_host = demand.used * 1e6 / host_microseconds(demand, sizes.shard_hosts)
        alone = demand.used * 1e6 / host_microseconds(demand, 1)
        found.append(
            f"{sizes.travelling:.0%} of payments travel between two hosts: a host makes {per_host:,.0f} payments/s in place of {alone:,.0f}"
        )
    reads = sizes.shards * (sizes.shard_hosts + sizes.api_replicas)
    if reads > MAP_READS_MAX:
        found.append(f"when all shards move, the shard map is read about {reads:,.0f} times: keep fewer shards or replicas")
    return found


def fits(demand: Demand, sizes: Sizes) -> bool:
    """Whether one ledger carries it, as far as several would change that."""
    return all(limit.used <= 1 for limit in limits(demand, sizes) if limit.can_split)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "unbounded"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
