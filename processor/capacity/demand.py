"""What is asked of the ledger: the options of `payments capacity`, checked."""

import math
from typing import Literal

import msgspec

Journal = Literal["postgres", "mirrored"]
BRIDGES = ("kinesis", "sns", "s3", "dynamodb", "redis")
PAYMENTS_MAX = 100e6
ACCOUNTS_MAX = 1e12


class BadDemand(ValueError):
    """The demand makes no sense. The message is one sentence that names the option and what is allowed."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """A load, and how it is to be carried.

    `payments_per_second` is the peak that must be carried with a zone missing; `mean_share` what of it there is over a whole month.
    `batch_share`: payments that come a thousand in a request. `travelling`: payments between random accounts that really occur
    (0: clients stay with one host's accounts). `hottest_share`: payments that touch the busiest account. `growth`: a year, 0.5 is
    half as much again; `months` from now sizes are for. `used`: share of its capacity that a part may be used to at the peak.
    `stream_days`, `transactions_days`, `key_hours`: how long Kinesis, the DynamoDB table of transactions, and Redis keep what they
    got. `recovery_seconds`: until the last shard is served again after the loss of a zone. `zones`: 1 is a trial without a second
    one. `edge`: whether requests come through CloudFront, WAF and API Gateway.
    """

    payments_per_second: float
    accounts: float
    batch_share: float = 0.0
    mean_share: float = 0.2
    travelling: float = 1.0
    hottest_share: float = 0.0
    growth: float = 0.0
    months: float = 12.0
    used: float = 0.6
    journal: Journal = "postgres"
    bridges: tuple[str, ...] = ("kinesis", "s3", "dynamodb", "redis")
    stream_days: float = 1.0
    transactions_days: float = 90.0
    backup_days: float = 35.0
    key_hours: float = 1.0
    recovery_seconds: float = 60.0
    zones: int = 3
    edge: bool = True

    def __post_init__(self) -> None:
        """Raise BadDemand unless everything makes sense."""
        _within("payments-per-second", self.payments_per_second, 0, PAYMENTS_MAX, positive=True)
        _within("accounts", self.accounts, 2, ACCOUNTS_MAX)
        for name in ("batch_share", "travelling", "hottest_share"):
            _within(name.replace("_", "-"), getattr(self, name), 0, 1)
        _within("mean-share", self.mean_share, 0, 1, positive=True)
        _within("used", self.used, 0.1, 0.95)
        _within("growth", self.growth, 0, 10)
        _within("months", self.months, 1, 120)
        _within("stream-days", self.stream_days, 1, 365)
        _within("transactions-days", self.transactions_days, 0, 36_500)
        _within("backup-days", self.backup_days, 1, 35)
        _within("key-hours", self.key_hours, 0, 168)
        _within("recovery-seconds", self.recovery_seconds, 5, 3600)
        _within("zones", self.zones, 1, 3)
        unknown = [bridge for bridge in self.bridges if bridge not in BRIDGES]
        if unknown:
            raise BadDemand(f"--bridges names {', '.join(unknown)}; allowed: {', '.join(BRIDGES)}, with commas between")

    @property
    def grown(self) -> float:
        """By how much the load is larger at the end of the months."""
        return float((1 + self.growth) ** (self.months / 12))

    @property
    def peak(self) -> float:
        """Payments a second at the peak, at the end of the months."""
        return self.payments_per_second * self.grown

    @property
    def mean(self) -> float:
        """Payments a second over the last month."""
        return self.peak * self.mean_share

    @property
    def payments_made(self) -> float:
        """Payments in all of the months: their number grows evenly on a logarithmic scale."""
        seconds, first = self.months * 730 * 3600, self.payments_per_second * self.mean_share
        return first * seconds * ((self.grown - 1) / math.log(self.grown) if self.grown > 1 else 1.0)

    @property
    def requests(self) -> float:
        """Requests a second over the last month."""
        return self.mean * (1 - self.batch_share + self.batch_share / 1000)

    def divided(self, ledgers: int) -> "Demand":
        """Return the share of one of so many ledgers. The busiest account stays as busy as it is."""
        return msgspec.structs.replace(
            self,
            payments_per_second=self.payments_per_second / ledgers,
            accounts=max(2.0, self.accounts / ledgers),
            hottest_share=min(1.0, self.hottest_share * ledgers),
        )


def _within(name: str, value: float, least: float, most: float, positive: bool = False) -> None:
    if not math.isfinite(value) or not least <= value <= most or (positive and value <= 0):
        allowed = f"more than 0, at most {most:,.15g}" if positive else f"{least:,.15g} to {most:,.15g}"
        raise BadDemand(f"--{name} is {value:,.15g}; allowed: {allowed}")
