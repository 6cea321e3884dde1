"""What the sizes cost a month, line by line, by the list prices of `prices.py`."""

import math
from typing import NamedTuple

from processor.capacity import prices
from processor.capacity.costs import cost
from processor.capacity.demand import Demand
from processor.capacity.prices import AURORA, GIBIBYTE, HOURS, MILLION, MONTH_SECONDS, VALKEY, Machine
from processor.capacity.sizing import KINESIS_PUT_BYTES, Nodes, Sizes


class Line(NamedTuple):
    """One line of the bill, in US dollars for a month."""

    what: str
    how_much: str
    monthly: float


def bill(demand: Demand, sizes: Sizes, ledgers: int = 1, caches: int | None = None, gateways: int | None = None) -> list[Line]:
    """Return the bill of so many ledgers of these sizes, the last month's. `caches`: nodes of Valkey, by default one and a replica;
    `gateways`: to the internet, by default one in each zone."""
    lines = [
        *_machines(demand, sizes),
        *_data(demand, sizes, caches or min(2, demand.zones)),
        *_events(demand, sizes),
        *_network(demand, gateways or demand.zones),
    ]
    several = [Line(line.what, _times(line.how_much, ledgers), line.monthly * ledgers) for line in lines if line.monthly]
    return [*several, Line("operations", "logs, alarms, keys, security services: a guess", prices.OPERATIONS)]


def _times(text: str, ledgers: int) -> str:
    return f"{ledgers} x ({text})" if ledgers > 1 else text


def _named(machines: list[Machine], name: str) -> Machine:
    return next(machine for machine in machines if machine.name == name)


def _nodes(nodes: Nodes) -> float:
    return nodes.nodes * (nodes.hourly * HOURS + prices.NODE_DISK_GIBIBYTES * prices.DISK_MONTHLY)


def _machines(demand: Demand, sizes: Sizes) -> list[Line]:
    groups = (("head", sizes.head), ("ingress", sizes.ingress), ("shard hosts", sizes.host_nodes))
    text = ", ".join(f"{name} {nodes.nodes} x {nodes.instance_type}" for name, nodes in groups)
    return [Line("EKS", text, prices.EKS_HOURLY * HOURS + sum(_nodes(nodes) for _, nodes in groups))]


def _data(demand: Demand, sizes: Sizes, caches: int) -> list[Line]:
    instance = _named(AURORA, sizes.aurora).hourly * prices.AURORA_IO_OPTIMISED * HOURS * sizes.aurora_instances
    gibibytes = sizes.aurora_bytes / GIBIBYTE
    # A backup keeps a full copy, of which as much as the volume is free, and what has changed in each of the days.
    backup = sizes.aurora_daily_bytes * demand.backup_days / GIBIBYTE
    mirror = sizes.mean_mirror_writes * MONTH_SECONDS / MILLION * prices.DYNAMODB_WRITES
    transactions = sizes.mean_transaction_writes * MONTH_SECONDS / MILLION * prices.DYNAMODB_WRITES
    stored = prices.DYNAMODB_STORAGE + prices.DYNAMODB_RECOVERY
    cache = _named([*VALKEY, *prices.CACHE_CHOSEN], sizes.redis).hourly * HOURS * caches
    return [
        Line("Aurora instances", f"{sizes.aurora_instances} x {sizes.aurora}, I/O-optimised", instance),
        Line(
            "Aurora storage", f"{_bytes(sizes.aurora_bytes)}, {_bytes(sizes.aurora_daily_bytes)} more a day",
            gibibytes * prices.AURORA_STORAGE,
        ),
        Line("Aurora backups", f"{demand.backup_days:.0f} days", backup * prices.AURORA_BACKUP),
        Line(
            "DynamoDB journal mirror", f"{sizes.mean_mirror_writes:,.0f} write units/s on average, {_bytes(sizes.mirror_bytes)}",
            mirror + sizes.mirror_bytes / GIBIBYTE * stored,
        ),
        Line(
            "DynamoDB transactions", f"{sizes.mean_transaction_writes:,.0f} write units/s on average, {_bytes(sizes.transaction_bytes)}",
            transactions + sizes.transaction_bytes / GIBIBYTE * stored,
        ),
        Line("ElastiCache (Valkey)", f"{caches} x {sizes.redis}", cache),
    ]  # fmt: skip


def _events(demand: Demand, sizes: Sizes) -> list[Line]:
    month = demand.mean * MONTH_SECONDS
    kinesis = sizes.kinesis_shards * HOURS * (
        prices.KINESIS_SHARD_HOURLY + (prices.KINESIS_LONGER_HOURLY if demand.stream_days > 1 else 0.0)
    )  # fmt: skip
    puts = month * cost("kinesis_bytes") / KINESIS_PUT_BYTES / MILLION * prices.KINESIS_PUTS if sizes.kinesis_shards else 0.0
    # Ten in a call; one queue behind the topic, received and deleted ten at a time.
    calls = month * cost("events") / 10 / MILLION if "sns" in demand.bridges else 0.0
    # One file for each table and currency (five are taken) a minute at least, and one for each 50,000 events.
    files = max(10 * MONTH_SECONDS / 60, month * cost("events") / 50_000 * 10) / MILLION if sizes.s3_bytes else 0.0
    return [
        Line("Kinesis", f"{sizes.kinesis_shards} shards", kinesis + puts),
        Line("SNS and SQS", f"{calls:,.0f} million calls", calls * (prices.SNS_PUBLISHES + 2 * prices.SQS_REQUESTS)),
        Line("S3", _bytes(sizes.s3_bytes), sizes.s3_bytes / GIBIBYTE * prices.S3_STORAGE + files * prices.S3_PUTS),
    ]


def _network(demand: Demand, gateways: int) -> list[Line]:
    requests = demand.requests * MONTH_SECONDS
    between = demand.mean * MONTH_SECONDS * cost("zone_bytes") * (2 / 3 if demand.zones > 1 else 0.0) / GIBIBYTE
    answers = demand.mean * MONTH_SECONDS * cost("answer_bytes") / GIBIBYTE
    lines = [
        Line(
            "network", f"{gateways} NAT gateway{'s' if gateways > 1 else ''}, 1 load balancer, {between:,.0f} GiB between zones",
            (gateways * prices.NAT_HOURLY + prices.BALANCER_HOURLY) * HOURS + between * prices.ZONE_TRAFFIC,
        )
    ]  # fmt: skip
    if demand.edge:
        each = (prices.API_GATEWAY + prices.CLOUDFRONT + prices.WAF) / MILLION
        lines.append(
            Line(
                "edge: CloudFront, WAF, API Gateway", f"{requests / MILLION:,.0f} million requests, {answers:,.0f} GiB out",
                requests * each + answers * prices.CLOUDFRONT_TRAFFIC,
            )
        )  # fmt: skip
    return lines


def _bytes(value: float) -> str:
    for unit, factor in (("TiB", 2**40), ("GiB", 2**30)):
        if value >= factor:
            return f"{value / factor:,.1f} {unit}"
    return f"{math.ceil(value / 2**20):,} MiB"
