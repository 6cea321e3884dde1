"""List prices of eu-central-1 (Frankfurt) in US dollars, on demand, without tax, discounts or free tiers.

Written down on the date below from AWS's public price pages as remembered, not fetched from the price list API: check each against
https://calculator.aws before a decision. They are good for orders of magnitude and for comparing sizes with each other.
"""

from typing import Final, NamedTuple

DATE: Final = "2026-11-26"
REGION: Final = "eu-central-1"
HOURS: Final = 730.0
"""Of a month, as AWS counts."""
MONTH_SECONDS: Final = HOURS * 3600.0
GIBIBYTE: Final = 2.0**30
MILLION: Final = 1e6


class Machine(NamedTuple):
    """A class of machines. `hourly` in dollars."""

    name: str
    cores: int
    memory_bytes: float
    hourly: float


def _family(prefix: str, large_gibibytes: float, large_hourly: float, sizes: dict[str, int]) -> list[Machine]:
    """Return a family, whose prices and memory grow with the cores. `sizes`: times a `large`, which has two cores."""
    return [
        Machine(f"{prefix}.{size}", 2 * times, large_gibibytes * times * GIBIBYTE, round(large_hourly * times, 4))
        for size, times in sizes.items()
    ]


_SIZES = {"large": 1, "xlarge": 2, "2xlarge": 4, "4xlarge": 8, "8xlarge": 16}
_DATABASE_SIZES = {**_SIZES, "12xlarge": 24, "16xlarge": 32, "24xlarge": 48, "48xlarge": 96}

AURORA: Final = _family("db.r8g", 16, 0.333, _DATABASE_SIZES)
AURORA_IO_OPTIMISED: Final = 1.3
"""Times the instance's price, and no I/O is charged."""
NODES: Final = {
    "compute": _family("c7g", 4, 0.0827, _SIZES),
    "general": _family("m7g", 8, 0.0979, _SIZES),
    "memory": _family("r7g", 16, 0.1294, _SIZES),
}
NODES_CHOSEN: Final = _family("m7i", 8, 0.1208, _SIZES)
"""What the environments of `terraform/` use; plans choose among NODES."""
CACHE_CHOSEN: Final = _family("cache.m7g", 6.38, 0.1517, _SIZES)
VALKEY: Final = _family("cache.r7g", 13.07, 0.2104, {**_SIZES, "12xlarge": 24, "16xlarge": 32})

EKS_HOURLY = 0.10
NODE_DISK_GIBIBYTES = 50
DISK_MONTHLY = 0.0952  # a GiB of gp3
AURORA_STORAGE = 0.268  # a GiB-month, I/O-optimised
AURORA_BACKUP = 0.023  # a GiB-month
DYNAMODB_WRITES = 0.7625  # a million units, on demand
DYNAMODB_STORAGE = 0.306  # a GiB-month
DYNAMODB_RECOVERY = 0.2448  # a GiB-month, point-in-time recovery
KINESIS_SHARD_HOURLY = 0.018
KINESIS_LONGER_HOURLY = 0.024  # a shard that keeps more than a day
KINESIS_PUTS = 0.0175  # a million units of 25 KiB
SNS_PUBLISHES = 0.50  # a million calls of 64 KiB
SQS_REQUESTS = 0.40  # a million
S3_STORAGE = 0.0245  # a GiB-month
S3_PUTS = 5.4  # a million
NAT_HOURLY = 0.052
BALANCER_HOURLY = 0.027
ZONE_TRAFFIC = 0.02  # a GiB from one zone to another, both ends
API_GATEWAY = 1.08  # a million requests, HTTP API
CLOUDFRONT = 1.20  # a million HTTPS requests
CLOUDFRONT_TRAFFIC = 0.085  # a GiB
WAF = 0.60  # a million requests
OPERATIONS = 400.0
"""A month for what hardly grows with the load: logs, alarms, keys, secrets, endpoints, GuardDuty, Security Hub, CodePipeline. A guess."""
