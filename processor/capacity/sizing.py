"""What one ledger needs for a demand, whether or not there is so much of it: limits are looked at elsewhere (`limits.py`).

With H hosts, `c = 1 - 1/H` of the payments between random accounts travel between two of them; each host and each API replica is one
process with one core. Parts are sized so that with a zone missing the rest is used to `demand.used` at the peak.
"""

import math

import msgspec

from processor.capacity.costs import cost
from processor.capacity.demand import Demand
from processor.capacity.prices import AURORA, GIBIBYTE, NODES, VALKEY, Machine
from processor.settings import Settings

HOSTS_MAX, REPLICAS_MAX, SHARDS_MAX = 64, 64, 1024
"""What the settings allow; a test holds them together."""
MIRRORED_SHARDS_MAX = 48
"""DynamoDB takes 50 shards in one transaction, of which so many divide evenly."""
SHARDS_MIN, SHARDS_OF_HOST, SHARD_ACCOUNTS = 16, 4, 250_000
"""Enough shards to divide evenly among hosts, and small enough to be recovered within about a second each."""
HOST_MEMORY_BYTES = 24 * GIBIBYTE
"""More accounts than this holds are shared among more hosts: what a host has must also be recovered when it dies."""
KINESIS_SHARD_BYTES = 0.8 * 2**20
"""Of the MiB a second that a Kinesis shard takes: a ledger shard's rate is never quite even."""
KINESIS_SHARDS_MIN = 4
KINESIS_PUT_BYTES = 25 * 1024
FILTER_DAYS, FILTER_BYTES_MAX, FILTER_BITS_OF_KEY = 7, 16 * 2**20, 10.5
"""A filter with four bits for each key says "perhaps" of one new key in a hundred while it has 10.5 bits a key. It is part of each
snapshot, so that it should not be larger than what a shard's accounts take."""
HOST_CORES, NODE_OWN_CORES, NODE_OWN_BYTES = 1.25, 0.5, 2 * GIBIBYTE
"""A host with its share of keeper and raylet; what a node's own programs take."""
MEMORY_USED = 0.75
BATCH_PAYMENTS = 1000.0


class Nodes(msgspec.Struct, frozen=True):
    """A group of EKS nodes."""

    instance_type: str
    nodes_per_zone: int
    nodes: int
    hourly: float


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """What one ledger needs. Rates are a second; `mean_` over a month, all others at the peak."""

    payments: float
    shards: int
    shard_hosts: int
    hosts_left: int
    travelling: float
    api_replicas: int
    host_memory_bytes: float
    key_filter_bytes: int
    key_filter_days: float
    recovery_host_seconds: float
    recovery_zone_seconds: float
    commits: float
    records: float
    mean_records: float
    database_cores: float
    database_memory_bytes: float
    aurora: str
    aurora_instances: int
    journal_log_bytes: float
    aurora_bytes: float
    aurora_daily_bytes: float
    aurora_ios: float
    mirror_writes: float
    mean_mirror_writes: float
    mirror_bytes: float
    transaction_writes: float
    mean_transaction_writes: float
    transaction_bytes: float
    kinesis_shards: int
    kinesis_bytes: float
    s3_bytes: float
    redis_bytes: float
    redis: str
    head: Nodes
    ingress: Nodes
    host_nodes: Nodes


def spread(left: int, zones: int) -> int:
    """Return how many there must be, as many in each zone, so that `left` are left when a zone is lost."""
    return left if zones == 1 else zones * math.ceil(left / (zones - 1))


def travelling(hosts: int, demand: Demand) -> float:
    """Return the share of payments that travel."""
    return (1 - 1 / hosts) * demand.travelling


def host_microseconds(demand: Demand, hosts: int) -> float:
    """Return what a payment takes of its hosts' cores."""
    own = (1 - demand.batch_share) * cost("host_single") + demand.batch_share * cost("host_batch")
    return own + travelling(hosts, demand) * cost("host_travel")


def hosts_left(demand: Demand) -> int:
    """Return how many hosts must be left when a zone is lost, for their cores, their memory, and to recover the others' shards in time."""
    accounts_bytes = demand.accounts * cost("account_memory") / MEMORY_USED
    for left in range(max(1, math.ceil(accounts_bytes / HOST_MEMORY_BYTES)), 4 * HOSTS_MAX):
        hosts = spread(left, demand.zones)
        turning = demand.batch_share * turns(demand, hosts) * cost("host_turn") / 1e6
        has_cores = demand.peak * host_microseconds(demand, hosts) / 1e6 <= left * max(0.0, demand.used - turning)
        if has_cores and zone_recovery_seconds(demand, hosts, left) <= demand.recovery_seconds:
            return left
    # Far above what one ledger may have: nearly everything travels, and a turn is nothing beside its payments.
    by_cores = math.ceil(demand.peak * host_microseconds(demand, 4 * HOSTS_MAX) / 1e6 / demand.used)
    return max(4 * HOSTS_MAX, by_cores, math.ceil(accounts_bytes / HOST_MEMORY_BYTES))


def append_seconds(demand: Demand) -> float:
    """Return how long a host waits for an append."""
    return cost("append_seconds") + (cost("mirror_seconds") if demand.journal == "mirrored" else 0.0)


def turns(demand: Demand, hosts: int, rate: float | None = None) -> float:
    """Return the turns of one host a second: one for each message that arrives, until they gather while an append is under way."""
    payments = demand.peak if rate is None else rate
    singles = payments * (1 - demand.batch_share) / hosts * (1 + 2 * travelling(hosts, demand))
    batches = payments * demand.batch_share / BATCH_PAYMENTS
    return min(singles + batches, 1 / append_seconds(demand))


def records(demand: Demand, hosts: int, shards: int, rate: float) -> float:
    """Return the records of all hosts a second: one for each shard that a turn touches, through either account of its payments."""
    taken = turns(demand, hosts, rate)
    if not taken:
        return 0.0
    own = max(1.0, shards / hosts)
    touched = own * (1 - (1 - 1 / own) ** (2 * rate / hosts / taken)) if own > 1 else 1.0
    return hosts * taken * touched


def shards_for(demand: Demand, hosts: int) -> int:
    """Return the number of shards: enough to divide among hosts, and for a Kinesis shard to take what a ledger shard makes.

    More would be better for many accounts than there may be; those are recovered more slowly then.
    """
    most = MIRRORED_SHARDS_MAX if demand.journal == "mirrored" else SHARDS_MAX
    needed = max(SHARDS_MIN, SHARDS_OF_HOST * hosts, min(most, math.ceil(demand.accounts / SHARD_ACCOUNTS)))
    if "kinesis" in demand.bridges:
        needed = max(needed, math.ceil(demand.peak * cost("kinesis_bytes") / KINESIS_SHARD_BYTES))
    rounded = 1 << (needed - 1).bit_length()
    return MIRRORED_SHARDS_MAX if demand.journal == "mirrored" and needed <= MIRRORED_SHARDS_MAX < rounded else rounded


def size(demand: Demand) -> Sizes:
    """Return what one ledger needs."""
    left = hosts_left(demand)
    hosts = spread(left, demand.zones)
    shards = shards_for(demand, hosts)
    share = travelling(hosts, demand)
    api_cores = demand.peak * ((1 - demand.batch_share) * cost("api_single") + demand.batch_share * cost("api_batch")) / 1e6
    replicas = spread(max(1, math.ceil(api_cores / demand.used)), demand.zones)
    filter_bytes, filter_days = _key_filter(demand, shards)
    memory = _host_memory(demand, left, shards, filter_bytes)
    peak_records, mean_records = records(demand, hosts, shards, demand.peak), records(demand, hosts, shards, demand.mean)
    commits = hosts * turns(demand, hosts)
    cores = _database_cores(demand, hosts, share, replicas, shards)
    of_payment = cost("journal_payment") + share * cost("journal_travel") + cost("read_model")
    daily = (demand.mean * of_payment + mean_records * cost("journal_record")) * 86_400
    log = (demand.peak * of_payment + peak_records * cost("journal_record")) * cost("log_factor")
    seconds_a_month = 730 * 3600
    stored = demand.payments_made * (of_payment + mean_records / demand.mean * cost("journal_record"))
    journal_bytes = cost("journal_payment") + share * cost("journal_travel")
    mirror = demand.journal == "mirrored"
    has = demand.bridges.__contains__
    transactions = 3 * math.ceil((cost("transaction_bytes") + 100) / 1024) if has("dynamodb") else 0
    kept_days = demand.transactions_days or demand.months * seconds_a_month / 86_400
    kinesis_rate = demand.peak * cost("kinesis_bytes") if has("kinesis") else 0.0
    redis = _redis_bytes(demand)
    per_process = cost("process_memory") / MEMORY_USED
    upkeep, upkeep_cores = _upkeep(demand)
    hot = demand.mean * 86_400 * cost("read_model") * cost("hot_share") / MEMORY_USED
    return Sizes(
        payments=demand.peak,
        shards=shards,
        shard_hosts=hosts,
        hosts_left=left,
        travelling=share,
        api_replicas=replicas,
        host_memory_bytes=memory,
        key_filter_bytes=filter_bytes,
        key_filter_days=filter_days,
        recovery_host_seconds=_recovery(demand, shards, math.ceil(shards / hosts / max(1, hosts - 1))),
        recovery_zone_seconds=zone_recovery_seconds(demand, hosts, left),
        commits=commits,
        records=peak_records,
        mean_records=mean_records,
        database_cores=cores,
        database_memory_bytes=hot,
        aurora=smallest(AURORA, cores / demand.used, hot).name,
        aurora_instances=1 if demand.zones == 1 else 2,
        journal_log_bytes=log,
        aurora_bytes=stored,
        aurora_daily_bytes=daily,
        aurora_ios=log / 4096 + commits,
        mirror_writes=_mirror_writes(demand.peak, peak_records, journal_bytes) if mirror else 0.0,
        mean_mirror_writes=_mirror_writes(demand.mean, mean_records, journal_bytes) if mirror else 0.0,
        mirror_bytes=demand.payments_made * (journal_bytes + mean_records / demand.mean * 250) if mirror else 0.0,
        transaction_writes=demand.peak * transactions,
        mean_transaction_writes=demand.mean * transactions,
        # The item, and all of it again in two indexes; DynamoDB adds 100 bytes to each.
        transaction_bytes=min(demand.payments_made, demand.mean * kept_days * 86_400)
        * (3 * (cost("transaction_bytes") + 100) if has("dynamodb") else 0),
        kinesis_shards=_kinesis_shards(kinesis_rate),
        kinesis_bytes=kinesis_rate,
        s3_bytes=demand.payments_made * cost("s3_bytes") if has("s3") else 0.0,
        redis_bytes=redis,
        redis=smallest(VALKEY, 0, redis / MEMORY_USED).name,
        head=_nodes("general", min(2, demand.zones), min(2, demand.zones), 1.0, 4 * GIBIBYTE),
        ingress=_nodes("any", replicas + upkeep, demand.zones, (replicas + upkeep_cores) / (replicas + upkeep), per_process),
        host_nodes=_nodes("any", hosts, demand.zones, HOST_CORES, memory + _keeper_memory(demand, shards)),
    )


def smallest(machines: list[Machine], cores: float, memory_bytes: float) -> Machine:
    """Return the smallest machine that has as much, or the largest there is."""
    fitting = [machine for machine in machines if machine.cores >= cores and machine.memory_bytes >= memory_bytes]
    return fitting[0] if fitting else machines[-1]


def _kinesis_shards(rate: float) -> int:
    """Return a power of two, among which ledger shards divide evenly (`processor/bridges/kinesis/lanes.py`); 0: no stream."""
    return max(KINESIS_SHARDS_MIN, 1 << (math.ceil(rate / KINESIS_SHARD_BYTES) - 1).bit_length()) if rate else 0


def _upkeep(demand: Demand) -> tuple[int, float]:
    """Return the processes beside the API's in its group, and their cores: projections, auditor, bridges, webhooks and their keeper."""
    rates = [projector_rate(), 1e6 / cost("replay"), *(bridge_rate(bridge) for bridge in demand.bridges)]
    return len(rates) + 2, sum(min(1.0, max(0.1, demand.mean / rate)) for rate in rates) + 0.2


def _key_filter(demand: Demand, shards: int) -> tuple[int, float]:
    """Return the size of a shard's filter, and how many days' keys it tells apart from new ones."""
    a_day = demand.mean * 86_400 / shards
    wanted = min(a_day * FILTER_DAYS * FILTER_BITS_OF_KEY / 8, FILTER_BYTES_MAX)
    chosen = max(Settings().key_filter_bytes, 1 << (math.ceil(wanted) - 1).bit_length())
    return chosen, chosen * 8 / FILTER_BITS_OF_KEY / a_day


def _host_memory(demand: Demand, left: int, shards: int, filter_bytes: int) -> float:
    """Return what one of the hosts that are left has in memory when it has taken its part of the others' shards over."""
    outcomes = min(2 * Settings().memory_outcomes, demand.peak / shards * 2 * Settings().memory_seconds)
    state = demand.accounts * cost("account_memory") + shards * (filter_bytes + outcomes * cost("outcome_memory"))
    return (state / left + cost("process_memory")) / MEMORY_USED


def _keeper_memory(demand: Demand, shards: int) -> float:
    return (cost("process_memory") + demand.accounts / shards * cost("account_memory")) / MEMORY_USED


def _recovery(demand: Demand, shards: int, taken_over: int) -> float:
    """Return how long clients of the last shard wait: the lease, and then so many shards one after another."""
    of_shard = demand.accounts / shards
    tail = max(Settings().snapshot_events, of_shard / 2)
    return Settings().lease_seconds + max(1, taken_over) * (of_shard * cost("snapshot_account") + tail * cost("replay")) / 1e6


def zone_recovery_seconds(demand: Demand, hosts: int, left: int) -> float:
    """Return how long the last shard is not served when a zone is lost with the hosts in it; without a second zone, when a host dies."""
    shards = shards_for(demand, hosts)
    return _recovery(demand, shards, math.ceil(shards * max(1, hosts - left) / hosts / left))


def _database_cores(demand: Demand, hosts: int, share: float, replicas: int, shards: int) -> float:
    of_payment = cost("database_payment") + share * cost("database_travel") + cost("archive_lookup")
    looks = (2 * hosts + replicas) * (cost("map_view") + (shards + hosts) * cost("map_row"))
    projected = min(demand.peak, projector_rate()) * cost("database_projection")
    return (demand.peak * of_payment + hosts * turns(demand, hosts) * cost("database_append") + looks + projected) / 1e6


def projector_rate() -> float:
    """Return the payments a second that one projector makes into tables: it works while PostgreSQL waits, and the other way round."""
    return 1e6 / (cost("projector") + cost("database_projection"))


def bridge_rate(bridge: str) -> float:
    """Return the payments a second whose events one bridge carries with a core of its own."""
    return 1e6 / (cost("bridge_reading") + cost("events") * cost(bridge))


def _mirror_writes(rate: float, record_rate: float, journal_bytes: float) -> float:
    """Return the write units of DynamoDB a second: of each record 2 for the head and 2 for each KB of it, up to 32 KB."""
    if not record_rate:
        return 0.0
    kilobytes = math.ceil((rate / record_rate * journal_bytes + cost("record_frame") + 100) / 1024)
    return record_rate * (2 + (2 * kilobytes if kilobytes <= 32 else 2 + kilobytes))


def _redis_bytes(demand: Demand) -> float:
    if "redis" not in demand.bridges:
        return GIBIBYTE / 4  # Ray's own state alone
    return GIBIBYTE / 4 + demand.accounts * cost("redis_copy") + demand.key_hours * 3600 * demand.mean * cost("redis_key")


def _nodes(kind: str, processes: int, zones: int, cores: float, memory_bytes: float) -> Nodes:
    """Return the cheapest nodes for so many processes, as many in each zone."""
    of_zone = math.ceil(processes / zones)
    found: list[Nodes] = []
    for machine in [each for name, family in NODES.items() if kind in (name, "any") for each in family]:
        by_cores = math.floor((machine.cores - NODE_OWN_CORES) / cores)
        by_memory = math.floor((machine.memory_bytes - NODE_OWN_BYTES) / memory_bytes)
        if min(by_cores, by_memory) >= 1:
            nodes = math.ceil(of_zone / min(by_cores, by_memory))
            found.append(Nodes(machine.name, nodes, nodes * zones, machine.hourly))
    if not found:
        largest = NODES["memory"][-1]
        return Nodes(largest.name, of_zone, of_zone * zones, largest.hourly)
    return min(found, key=lambda nodes: (nodes.nodes * nodes.hourly, nodes.nodes))
