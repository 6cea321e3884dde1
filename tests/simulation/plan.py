"""What may go wrong in one run, drawn from its seed: each run has its own mixture, so that rare faults also come alone."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from processor.core.ledger import Retention

FILTER_BYTES = 1 << 12


@dataclass(frozen=True)
class Plan:
    """Sizes, and the likelihood (0 to 1) of each fault in the first phase. The second phase has none."""

    seed: int
    shards: int
    hosts: int
    clients: int
    commands: int
    accounts: int
    latency_seconds: float
    replay_seconds: float
    append_lost: float
    append_answer_lost: float
    append_late: float
    append_crash_before: float
    append_crash_after: float
    store_error: float
    message_lost: float
    message_repeated: float
    message_delayed: float
    call_lost: float
    client_gives_up: float
    think_seconds: float
    retention: Retention | None
    """How much memory the shards have: mostly far too little, so that they forget all the time."""
    only_splits: bool
    """Nothing goes wrong but that a host and an API replica lose sight of the shard map together: who can tell that it is old?"""
    accidents_per_second: float
    """Crashes, pauses, partitions and so on; see accidents.py."""


def draw(seed: int, commands: int) -> Plan:
    """Return the plan of a seed."""
    random = Random(f"plan {seed}")

    def sometimes(likelihood: float) -> float:
        return likelihood * random.random() if random.random() < 0.5 else 0.0

    plan = Plan(
        seed=seed,
        shards=random.choice([1, 2, 3, 4, 4]),
        hosts=random.choice([1, 2, 2, 3]),
        clients=random.choice([3, 6, 10]),
        commands=commands,
        accounts=random.choice([4, 6, 10]),
        latency_seconds=random.choice([0.0005, 0.002, 0.01]),
        replay_seconds=random.choice([0.0, 0.0, 0.2, 1.5]),
        append_lost=sometimes(0.03),
        append_answer_lost=sometimes(0.03),
        append_late=sometimes(0.03),
        append_crash_before=sometimes(0.02),
        append_crash_after=sometimes(0.02),
        store_error=sometimes(0.05),
        message_lost=sometimes(0.4),
        message_repeated=sometimes(0.5),
        message_delayed=sometimes(0.4),
        call_lost=sometimes(0.1),
        client_gives_up=sometimes(0.3),
        think_seconds=random.choice([0.1, 0.6, 1.0]),
        retention=random.choice([None, *(Retention(outcomes, 10**15, FILTER_BYTES) for outcomes in (3, 8, 20))]),
        only_splits=False,
        accidents_per_second=random.choice([0.0, 1.0, 2.0, 4.0]),
    )
    return _with_splits_only(plan) if random.random() < 0.15 else plan


def _with_splits_only(plan: Plan) -> Plan:
    names = [name for name in Plan.__dataclass_fields__ if name.startswith(("append_", "message_", "call_", "store_"))]
    calm: dict[str, Any] = dict.fromkeys(names, 0.0)
    return replace(plan, **calm, only_splits=True, accidents_per_second=1.0, hosts=max(2, plan.hosts), think_seconds=1.0)
