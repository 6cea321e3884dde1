"""Bodies about the ledger as a whole and about how it runs."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from processor.bridges.status import AnyBridgeState
from serve.bodies.values import AsOf, Money, Time
from serve.ledger import ShardStatus


class CurrencyTotals(msgspec.Struct, frozen=True):
    """Sums over all accounts of a currency. `posted + in_transit` is zero at all times."""

    posted: Money
    in_transit: Money
    accounts: int


class TotalsBody(msgspec.Struct, frozen=True):
    """The trial balance, and the position of every shard that it was taken at."""

    currencies: dict[str, CurrencyTotals]
    as_of: list[AsOf]


class ShardsBody(msgspec.Struct, frozen=True):
    """Every shard and its host."""

    data: list[ShardStatus]


class ShardDigest(msgspec.Struct, frozen=True):
    """SHA-256, in hexadecimal, of a shard's whole state right after the record at `sequence`."""

    shard: int
    sequence: int
    digest: str


class DigestsBody(msgspec.Struct, frozen=True):
    """What a replay of the journal must come to."""

    data: list[ShardDigest]


class CurrencyBody(msgspec.Struct, frozen=True):
    """A currency, and how many decimal digits its minor unit has."""

    code: str
    minor_unit_digits: int
    name: str


class CurrenciesBody(msgspec.Struct, frozen=True):
    """Every currency that an account may hold, in the order of the codes."""

    data: list[CurrencyBody]


class ShardAudit(msgspec.Struct, frozen=True):
    """How far the auditor is with a shard: it has read without a gap from the record `since` to `sequence`, of that time.

    `divergence` is the first thing that did not agree, found at `divergence_sequence`; null: nothing ever.
    """

    shard: int
    since: int
    sequence: int
    recorded_at: Time | None
    lag_records: int
    compared_accounts: int
    divergence: str | None
    divergence_sequence: int | None


class AuditBody(msgspec.Struct, frozen=True):
    """Every shard's audit."""

    data: list[ShardAudit]


class HealthBody(msgspec.Struct, frozen=True):
    """The process is up."""

    status: Literal["ok"] = "ok"


class BridgeDigest(msgspec.Struct, frozen=True):
    """How a bridge is doing; trouble with it does not touch payments. `problem` says what is wrong, and what can be done."""

    name: str
    state: AnyBridgeState
    problem: str | None


class ReadyBody(msgspec.Struct, frozen=True):
    """The ledger takes payments. `bridges` is left out if there are none, or if their state cannot be read quickly."""

    status: Literal["ready"] = "ready"
    bridges: list[BridgeDigest] | UnsetType = UNSET


class BridgeShardBody(msgspec.Struct, frozen=True):
    """How far a bridge has carried a shard's records: up to `position`, of those up to `head`."""

    shard: int
    position: int
    head: int
    lag_records: int


class BridgeBody(msgspec.Struct, frozen=True):
    """A bridge. Its state is `starting`, `running`, `waiting` (it tries again), `broken` (a person has to look), `silent` (it should
    run, but nothing is heard of it) or `off` (the settings do not name it). Counts are sums since it first ran.

    `lag_records` and `lag_seconds`, the age of the oldest record that it lacks, are null for what does not follow the journal.
    """

    name: str
    state: AnyBridgeState
    problem: str | None
    epoch: int
    lag_records: int | None
    lag_seconds: float | None
    published: int
    rejected: int
    retries: int
    dead_letters: int
    figures: Annotated[dict[str, int], Meta(description="What it counts of its own, as `paid` of `instructions`")]
    updated_at: Time | None
    shards: list[BridgeShardBody]


class BridgesBody(msgspec.Struct, frozen=True):
    """Every bridge that the settings name, or that has ever run."""

    data: list[BridgeBody]
