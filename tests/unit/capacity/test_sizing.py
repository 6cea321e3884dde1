"""The model against numbers worked out by hand."""

import math

import pytest

from processor.capacity import costs
from processor.capacity.demand import Demand
from processor.capacity.limits import limits
from processor.capacity.plan import ledgers_for, plan
from processor.capacity.sizing import bridge_rate, hosts_left, projector_rate, size, spread


@pytest.fixture(autouse=True)
def _round_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs in which one can reckon in one's head."""
    chosen = {
        "api_single": 60, "api_batch": 3, "host_single": 20, "host_batch": 6, "host_turn": 200, "host_travel": 40, "projector": 10,
        "database_projection": 30, "events": 2, "kinesis": 20, "bridge_reading": 10, "journal_payment": 100, "journal_travel": 100,
        "journal_record": 200, "read_model": 1000, "account_memory": 300, "kinesis_bytes": 1000, "append_seconds": 0.004,
        "redis_copy": 100, "redis_key": 100,
    }  # fmt: skip
    for name, value in chosen.items():
        monkeypatch.setitem(costs.COSTS, name, costs.COSTS[name]._replace(value=float(value)))


def small(**changes: object) -> Demand:
    asked: dict[str, object] = {"payments_per_second": 10_000, "accounts": 1e6, "used": 0.5}
    return Demand(**(asked | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "zones", "hosts"), [(1, 1, 1), (5, 1, 5), (1, 3, 3), (2, 3, 3), (3, 3, 6), (5, 2, 10), (10, 3, 15)]
)
def test_enough_is_left_when_a_zone_is_lost(left: int, zones: int, hosts: int) -> None:
    assert spread(left, zones) == hosts
    if zones > 1:
        assert hosts - hosts // zones >= left


def test_hosts_for_their_cores() -> None:
    # One host: nothing travels; 10,000/s at 20 us are 0.2 cores.
    assert hosts_left(small(zones=1)) == 1
    # 40,000/s are 0.8 cores: more than half a core, so there are several, and then a payment costs more: with h hosts 20 + 40 (1 - 1/h)
    # us. 4 hosts: 50 us, 2.0 cores of 2.0.
    assert hosts_left(small(zones=1, payments_per_second=40_000)) == 4
    # Clients that stay with one host: 0.8 cores of 1.0.
    assert hosts_left(small(zones=1, payments_per_second=40_000, travelling=0.0)) == 2
    # Three zones. 6 hosts, of which 4 are left: 20 + 40 x 5/6 = 53.3 us are 2.13 cores, but 4 have 2.0: so 5 must be left of 9: 55.6 us
    # are 2.2 cores of 2.5.
    assert (hosts_left(small(payments_per_second=40_000)), size(small(payments_per_second=40_000)).shard_hosts) == (5, 9)


def test_hosts_for_their_memory() -> None:
    # 300 bytes for 1e9 accounts, three quarters used, are 400e9 bytes: 24 GiB each make 15.5.
    assert hosts_left(small(zones=1, accounts=1e9, recovery_seconds=3600)) == 16


def test_api_replicas() -> None:
    # 60 us x 10,000/s = 0.6 cores, half used: 2 must be left.
    assert size(small()).api_replicas == 3
    # 60 us x 50,000 = 3 cores: 6 left, 9 in three zones. In batches 0.15 cores: one is enough, and one in each zone.
    assert size(small(payments_per_second=50_000)).api_replicas == 9
    assert size(small(payments_per_second=50_000, batch_share=1.0)).api_replicas == 3


def test_what_follows_the_journal_is_one_process() -> None:
    assert projector_rate() == pytest.approx(1e6 / 40)
    assert bridge_rate("kinesis") == pytest.approx(1e6 / 50)
    # 80 % of 20,000/s on average carry 16,000/s; at a fifth of the peak that is a peak of 80,000/s.
    kinesis = small(bridges=("kinesis",), payments_per_second=80_000)
    [limit] = [each for each in limits(kinesis, size(kinesis)) if each.name == "the bridge kinesis"]
    assert limit.used == pytest.approx(1.0)


def test_shards() -> None:
    # At least 16, and four for each host.
    assert size(small(bridges=())).shards == 16
    # 100,000/s of 1,000 bytes are 119.2 times the 0.8 MiB/s that one ledger shard may send to its Kinesis shard.
    assert size(small(payments_per_second=100_000, bridges=("kinesis",))).shards == 128
    # 10 million accounts, at most 250,000 each.
    assert size(small(accounts=10e6)).shards == 64
    assert size(small(accounts=10e6, journal="mirrored")).shards == 48


def test_kinesis_shards() -> None:
    # 20,000/s of 1,000 bytes: 23.8 times 0.8 MiB/s.
    assert size(small(payments_per_second=20_000)).kinesis_shards == 32
    assert size(small(bridges=())).kinesis_shards == 0


def test_storage() -> None:
    found = size(small(zones=1, bridges=(), months=1, payments_per_second=1_000, mean_share=1.0, batch_share=1.0))
    # One host: 100 + 1,000 bytes for each of 1,000/s in 730 hours, and one turn a second that touches all 16 shards.
    payments = 1_000 * 730 * 3600
    assert found.mean_records == pytest.approx(16, rel=1e-6)
    assert found.aurora_bytes == pytest.approx(payments * 1_100 + 16 * 730 * 3600 * 200, rel=1e-6)
    assert found.aurora_daily_bytes == pytest.approx(1_000 * 86_400 * 1_100 + 16 * 86_400 * 200, rel=1e-6)


def test_growth() -> None:
    demand = small(growth=1.0, months=24, payments_per_second=100, mean_share=1.0)
    assert demand.peak == pytest.approx(400)
    # The integral of 100 x 2^t over two years of 8,760 hours.
    assert demand.payments_made == pytest.approx(100 * 8760 * 3600 * 3 / math.log(2))


def test_redis() -> None:
    # A quarter of a GiB for Ray, 100 bytes for each of a million accounts, and for each of an hour's keys.
    assert size(small()).redis_bytes == pytest.approx(2**28 + 1e8 + 3600 * 2_000 * 100)


def test_mirrored_writes() -> None:
    found = size(small(zones=1, bridges=(), journal="mirrored", payments_per_second=1_000, batch_share=1.0))
    # One turn a second: 16 records of 62.5 payments of 100 bytes, with frame and attributes 7 KB: 2 units for the head, 14 for it.
    assert found.mirror_writes == pytest.approx(16 * (2 + 2 * 7), rel=1e-6)


def test_one_turn_for_each_message_until_they_gather() -> None:
    # Every append takes 4 ms, so a host never makes more than 250 commits a second.
    assert size(small(zones=1, payments_per_second=100)).commits == pytest.approx(100)
    assert size(small(zones=1, payments_per_second=10_000)).commits == pytest.approx(250)


def test_the_hot_account_is_one_core_and_no_number_of_ledgers_helps() -> None:
    # A host has half a core for it: at 20 + 40 x 2/3 us there is room for 10,714 payments a second.
    demand = small(hottest_share=1.0, payments_per_second=20_000)
    found = plan(demand)
    assert any(warning.startswith("the busiest account") for warning in found.warnings)
    assert found.ledgers == 1
    assert not any(
        w.startswith("the busiest account") for w in plan(small(hottest_share=0.1, payments_per_second=20_000)).warnings
    )


def test_so_many_ledgers_as_the_narrowest_limit_asks_for() -> None:
    # The projector: 0.8 x 25,000/s on average, so 100,000/s at the peak; 450,000/s need five.
    assert ledgers_for(small(bridges=(), payments_per_second=450_000, mean_share=0.2, batch_share=1.0, used=0.6)) >= 5


def test_the_bill_is_the_sum_of_its_lines() -> None:
    found = plan(small(payments_per_second=200_000))
    assert found.ledgers > 1
    assert found.monthly == pytest.approx(sum(line.monthly for line in found.lines))
    assert found.per_million == pytest.approx(found.monthly / (40_000 * 730 * 3600 / 1e6))
