"""How the bridges are doing, for operators: what they say of themselves, and how far they are behind the journal."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import Any, Literal

import msgspec

from processor.bridges.queries import Fetch, load_queries
from processor.bridges.webhook_endpoints import WEBHOOKS, has_webhook_endpoints
from processor.bridges.work import State
from processor.clock import now_microseconds
from processor.journal.interface import Journal
from processor.settings import Settings

_QUERIES = load_queries("status.sql")

SILENT_SECONDS = 10.0
"""A bridge says every second how it is doing. After so long without a word something is wrong with it."""

SEEN_SECONDS = 1.0

AnyBridgeState = Literal[State, "silent", "off"]


class BridgeShard(msgspec.Struct, frozen=True):
    """How far a bridge is with one shard's journal, which goes up to the record `head`."""

    shard: int
    position: int
    head: int

    @property
    def lag_records(self) -> int:
        """How many records it has not carried over yet."""
        return max(0, self.head - self.position)


class BridgeStatus(msgspec.Struct, frozen=True):
    """One bridge. `state` is "silent" if it should run but has not been heard of, and "off" if the settings do not name it.

    `shards` is empty, and `lag_seconds` (the age of the oldest record that it lacks) None, if it has no cursor. `updated_at`, in
    microseconds, is None if it has never run. `figures` are what it counts of its own.
    """

    name: str
    state: AnyBridgeState
    problem: str | None
    epoch: int
    published: int
    rejected: int
    retries: int
    dead_letters: int
    updated_at: int | None
    lag_seconds: float | None
    shards: tuple[BridgeShard, ...]
    figures: dict[str, int] = {}

    @property
    def lag_records(self) -> int | None:
        """How many records it lacks in all."""
        return sum(shard.lag_records for shard in self.shards) if self.shards else None


def enabled_bridges(settings: Settings) -> frozenset[str]:
    """Return the bridges that the settings name."""
    return frozenset(filter(None, settings.bridges.split(",")))


async def read_statuses(fetch: Fetch, journal: Journal, named: Collection[str]) -> list[BridgeStatus]:
    """Return all bridges that have ever run or should run, by name; `named` are those that the settings name.

    Raises JournalUnavailable, JournalCorrupt.
    """
    enabled = set(named)
    if await has_webhook_endpoints(fetch):
        enabled.add(WEBHOOKS)
    rows = {row["bridge"]: row for row in await fetch(_QUERIES["bridges"])}
    positions: dict[str, dict[int, int]] = {}
    for row in await fetch(_QUERIES["positions"]):
        positions.setdefault(row["bridge"], {})[row["shard"]] = row["sequence"]
    heads: dict[int, int] = {}
    if positions:
        shards = range(await journal.shard_count())
        heads = {head.shard: head.sequence for head in await asyncio.gather(*map(journal.head, shards))}
    return [
        await _status(name, rows.get(name), name in enabled, positions.get(name, {}), heads, journal)
        for name in sorted(enabled | rows.keys())
    ]


async def _status(
    name: str,
    row: Mapping[str, Any] | None,
    is_enabled: bool,
    positions: Mapping[int, int],
    heads: Mapping[int, int],
    journal: Journal,
) -> BridgeStatus:
    if row is None:
        never = "it has never run: see the log of the deployment Bridges"
        return BridgeStatus(name, "silent", never, 0, 0, 0, 0, 0, None, None, ())
    state, problem = row["state"], row["problem"]
    if row["silent_seconds"] > SILENT_SECONDS:
        state, problem = "off", None
        if is_enabled:
            state = "silent"
            problem = f"nothing was heard of it for {row['silent_seconds']:.0f} s: see the log of the deployment Bridges"
    shards = tuple(BridgeShard(shard, sequence, heads.get(shard, sequence)) for shard, sequence in positions.items())
    counts = row["published"], row["rejected"], row["retries"], row["dead_letters"]
    lag_seconds = await _lag_seconds(shards, journal) if shards else None
    return BridgeStatus(
        name, state, problem, row["epoch"], *counts, row["updated_at"], lag_seconds, shards, _figures(row["figures"])
    )


_figures = msgspec.json.Decoder(dict[str, int]).decode


async def _lag_seconds(shards: Sequence[BridgeShard], journal: Journal) -> float:
    behind = {shard.shard: shard.position for shard in shards if shard.lag_records}
    oldest = await journal.tail(behind, 1) if behind else []
    return max(0.0, (now_microseconds() - oldest[0].at) / 1e6) if oldest else 0.0


class BridgeBoard:
    """The statuses as many may ask for them: read from the database once a second at most."""

    def __init__(self, fetch: Fetch, journal: Journal, named: Collection[str]) -> None:
        self._fetch = fetch
        self._journal = journal
        self._named = named
        self._turn = asyncio.Lock()
        self._seen_at = float("-inf")
        self._seen: list[BridgeStatus] = []

    async def statuses(self) -> list[BridgeStatus]:
        """Return all bridges, as they were not more than about a second ago. Raises as `read_statuses` does."""
        async with self._turn:
            if monotonic() - self._seen_at > SEEN_SECONDS:
                self._seen = await read_statuses(self._fetch, self._journal, self._named)
                self._seen_at = monotonic()
            return self._seen
