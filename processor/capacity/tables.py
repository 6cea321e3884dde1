"""The plans as Markdown: one plan, a row of sizes for each load, the bill for two sizes, the ends of one ledger."""

from collections.abc import Sequence

import msgspec

from processor.capacity import prices
from processor.capacity.bill import Line
from processor.capacity.demand import Demand
from processor.capacity.environments import ENVIRONMENTS
from processor.capacity.limits import Limit, limits
from processor.capacity.plan import Plan, plan
from processor.capacity.sizing import Nodes, size

SCALE = tuple((rate, accounts) for rate in (1_000, 10_000, 100_000, 1_000_000) for accounts in (50e6, 1e9))
_PAYMENTS_FOUND_MAX = 1e9


def scale_table() -> str:
    """Return what each load needs, from a thousand payments a second to a million."""
    rows = [
        "| payments/s | accounts | ledgers | of each: shards | shard hosts | API | memory of a host | a host / a zone dies | Aurora, 2 x "
        "| Kinesis | Redis, 2 x | nodes for hosts | a month | a million payments |",
        "|" + " --- |" * 14,
    ]
    for rate, accounts in SCALE:
        found = plan(Demand(payments_per_second=rate, accounts=accounts))
        sizes = found.sizes
        rows.append(
            f"| {rate:,} | {_count(accounts)} | {found.ledgers} | {sizes.shards} | {sizes.shard_hosts} | {sizes.api_replicas} "
            f"| {sizes.host_memory_bytes / 2**30:.1f} GiB | {sizes.recovery_host_seconds:.0f} s / {sizes.recovery_zone_seconds:.0f} s "
            f"| {sizes.aurora} | {sizes.kinesis_shards} | {sizes.redis} | {_nodes(sizes.host_nodes)} | {_dollars(found.monthly)} "
            f"| {_dollars(found.per_million)} |"
        )
    return "\n".join(rows)


def ends_table() -> str:
    """Return at how many payments a second each limit of one ledger is reached, the lowest first, with the default options."""
    rows = ["| limit of one ledger | reached at | because |", "| --- | --- | --- |"]
    demand = Demand(payments_per_second=1, accounts=50e6, bridges=("kinesis", "sns", "s3", "dynamodb", "redis"))
    reached = [(reached_at(demand, limit.name), limit) for limit in limits(demand, size(demand))]
    for rate, limit in sorted(reached, key=lambda each: each[0]):
        if rate > SCALE[-1][0]:
            continue  # Others end it long before.
        remedy = f"; {limit.remedy}" if limit.remedy else ""
        rows.append(f"| {limit.name} | {int(rate / 100) * 100:,}/s | {_allowed(limit)}{remedy} |")
    return "\n".join(rows)


def reached_at(demand: Demand, name: str) -> float:
    """Return the payments a second at the peak up to which a limit holds."""
    least, most = 0.0, _PAYMENTS_FOUND_MAX / 20
    while most - least > 1:
        middle = (least + most) / 2
        carried = msgspec.structs.replace(demand, payments_per_second=middle)
        used = next(limit.used for limit in limits(carried, size(carried)) if limit.name == name)
        least, most = (middle, most) if used <= 1 else (least, middle)
    return least


def cost_table() -> str:
    """Return the bills of the environments that Terraform makes, side by side: of what they have, under the load that they are for."""
    bills = {name: {line.what: line for line in environment.lines()} for name, environment in ENVIRONMENTS.items()}
    demands = [environment.demand for environment in ENVIRONMENTS.values()]
    heads = [
        f"{name}: {demand.payments_per_second:,.0f} payments/s, {_count(demand.accounts)} accounts"
        for name, demand in zip(bills, demands, strict=True)
    ]
    rows = ["| | " + " | ".join(f"{head} | a month" for head in heads) + " |", "| --- |" + " --- | ---: |" * len(bills)]
    for what in dict.fromkeys(what for bill in bills.values() for what in bill):
        cells = [bill.get(what, Line(what, "", 0.0)) for bill in bills.values()]
        rows.append(f"| {what} | " + " | ".join(f"{cell.how_much} | {_dollars(cell.monthly)}" for cell in cells) + " |")
    sums = [sum(line.monthly for line in bill.values()) for bill in bills.values()]
    rows.append("| **all** | " + " | ".join(f" | **{_dollars(total)}**" for total in sums) + " |")
    return "\n".join(rows)


def plan_lines(found: Plan) -> list[str]:
    """Return one plan, to be read by people."""
    sizes, demand = found.sizes, found.demand
    hosts = f"{sizes.shard_hosts}, of which {sizes.hosts_left} are enough when a zone is lost"
    rates = f"{sizes.commits:,.0f} commits/s with {sizes.records:,.0f} records, {sizes.journal_log_bytes / 1e6:,.1f} MB/s of log"
    return [
        f"{demand.peak:,.0f} payments/s at the peak, {demand.mean:,.0f}/s on average, {demand.accounts:,.0f} accounts, "
        f"after {demand.months:g} months",
        f"ledgers              {found.ledgers}" + (", of which each has" if found.ledgers > 1 else ""),
        f"shards               {sizes.shards}",
        f"shard hosts          {hosts}; {sizes.travelling:.0%} of payments travel",
        f"memory of a host     {sizes.host_memory_bytes / 2**30:.1f} GiB; key filter {sizes.key_filter_bytes / 2**20:.0f} MiB a shard",
        f"API replicas         {sizes.api_replicas}",
        f"recovery within      {sizes.recovery_host_seconds:.1f} s of a host's death, {sizes.recovery_zone_seconds:.1f} s of a zone's",
        f"EKS nodes            head {_nodes(sizes.head)}, ingress {_nodes(sizes.ingress)}, shard hosts {_nodes(sizes.host_nodes)}",
        f"Aurora               {sizes.aurora_instances} x {sizes.aurora}: {sizes.database_cores:.1f} cores busy, {rates}, "
        f"about {sizes.aurora_ios:,.0f} I/O requests/s",
        f"Aurora's volume      {sizes.aurora_bytes / 2**40:,.2f} TiB, {sizes.aurora_daily_bytes / 2**30:,.1f} GiB more a day",
        f"DynamoDB, journal    {sizes.mirror_writes:,.0f} write units/s, {sizes.mirror_bytes / 2**40:,.2f} TiB",
        f"DynamoDB, payments   {sizes.transaction_writes:,.0f} write units/s, {sizes.transaction_bytes / 2**40:,.2f} TiB",
        f"Kinesis              {sizes.kinesis_shards} shards for {sizes.kinesis_bytes / 1e6:,.1f} MB/s",
        f"S3                   {sizes.s3_bytes / 2**40:,.2f} TiB",
        f"Redis                {min(2, demand.zones)} x {sizes.redis} for {sizes.redis_bytes / 2**30:,.1f} GiB",
        "",
        f"US dollars a month, list prices of {prices.REGION} noted on {prices.DATE}, to be checked:",
        *(f"{line.monthly:>12,.0f}  {line.what}: {line.how_much}" for line in found.lines),
        f"{found.monthly:>12,.0f}  in all; {found.per_million:,.2f} for a million payments",
        *(["", "To know:", *(f"* {warning}" for warning in found.warnings)] if found.warnings else []),
    ]  # fmt: skip


def markdown(sections: Sequence[str]) -> str:
    """Return the named tables, one after another."""
    made = {"scale": scale_table, "ends": ends_table, "costs": cost_table}
    return "\n\n".join(made[section]() for section in sections)


def _nodes(nodes: Nodes) -> str:
    return f"{nodes.nodes} x {nodes.instance_type}"


def _count(value: float) -> str:
    for unit, factor in (("billion", 1e9), ("million", 1e6)):
        if value >= factor:
            return f"{value / factor:,.4g} {unit}"
    return f"{value:,.0f}"


def _dollars(value: float) -> str:
    return f"${value:,.0f}" if value >= 100 else f"${value:,.2f}"


def _allowed(limit: Limit) -> str:
    allowed = f"{limit.allowed:,.0f}" if limit.allowed >= 100 else f"{limit.allowed:,.3g}"
    return f"{allowed} {limit.unit}"
