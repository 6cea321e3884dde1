"""More is never asked for less: what must hold for every demand."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.capacity.demand import BRIDGES, Demand
from processor.capacity.limits import fits
from processor.capacity.plan import ledgers_for, plan
from processor.capacity.sizing import size

demands = st.builds(
    Demand,
    payments_per_second=st.floats(1, 2e6),
    accounts=st.floats(2, 5e9),
    batch_share=st.floats(0, 1),
    mean_share=st.floats(0.05, 1),
    travelling=st.floats(0, 1),
    months=st.floats(1, 36),
    used=st.floats(0.3, 0.9),
    journal=st.sampled_from(["postgres", "mirrored"]),
    bridges=st.sets(st.sampled_from([bridge for bridge in BRIDGES if bridge != "sns"])).map(tuple),
    transactions_days=st.floats(1, 400),
    zones=st.integers(1, 3),
)
NEVER_FALLS = (
    "hosts_left", "shard_hosts", "api_replicas", "shards", "kinesis_shards", "transaction_writes", "redis_bytes",
    "database_memory_bytes", "s3_bytes",
)  # fmt: skip
HARDLY_FALLS = ("aurora_bytes", "journal_log_bytes")
"""With another number of hosts, the payments of a turn share records in another way."""


@settings(max_examples=150, deadline=None)
@given(demands, st.floats(1, 20), st.floats(1, 20))
def test_more_payments_and_accounts_need_no_less(demand: Demand, times: float, accounts_times: float) -> None:
    more = msgspec.structs.replace(
        demand, payments_per_second=demand.payments_per_second * times, accounts=demand.accounts * accounts_times
    )
    before, after = size(demand), size(more)
    for name in NEVER_FALLS:
        assert getattr(after, name) >= getattr(before, name) * (1 - 1e-9), name
    for name in HARDLY_FALLS:
        assert getattr(after, name) >= getattr(before, name) * 0.9, name


@settings(max_examples=100, deadline=None)
@given(demands)
def test_each_ledger_of_a_plan_carries_its_share_and_one_ledger_fewer_would_not(demand: Demand) -> None:
    ledgers = ledgers_for(demand)
    assert fits(demand.divided(ledgers), size(demand.divided(ledgers)))
    if ledgers > 1:
        fewer = demand.divided(ledgers - 1)
        assert not fits(fewer, size(fewer))


@settings(max_examples=100, deadline=None)
@given(demands)
def test_a_plan_is_whole(demand: Demand) -> None:
    found = plan(demand)
    assert found.monthly > 0 and all(line.monthly >= 0 for line in found.lines)
    assert found.sizes.shard_hosts >= found.sizes.hosts_left >= 1
    assert found.sizes.shards >= found.sizes.shard_hosts


@settings(max_examples=100, deadline=None)
@given(demands, st.floats(0, 1))
def test_batches_need_no_more_than_singles(demand: Demand, share: float) -> None:
    batched = msgspec.structs.replace(demand, batch_share=max(share, demand.batch_share))
    assert size(batched).api_replicas <= size(demand).api_replicas
