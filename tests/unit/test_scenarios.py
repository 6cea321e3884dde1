"""The scenarios of load tests: what they send, and when it is due."""

from collections import Counter
from itertools import islice, pairwise

import msgspec
import pytest

from loadtests.scenarios.load_shape import LOAD_SHAPES, LoadShape, load_at
from loadtests.scenarios.registry import BATCH_SIZES, SCENARIOS
from loadtests.scenarios.schedule import due_times
from loadtests.scenarios.templates import make_templates
from processor.core.routing import shard_of
from tests.unit.load_plan import plan_of

BODY_BYTES_MAX = 8 * 2**20


def due(shape: LoadShape = "constant", rate: float = 100.0, seconds: float = 10.0, **more: object) -> list[float]:
    chosen = {"arrivals": "even", "seed": "1", **more}
    return list(due_times(shape, rate=rate, seconds=seconds, **chosen))  # type: ignore[arg-type]


def test_even_arrivals_are_one_gap_apart() -> None:
    assert due(rate=4.0, seconds=2.0) == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75])


def test_poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() -> None:
    times = due(rate=1_000.0, seconds=50.0, arrivals="poisson")
    assert len(times) == pytest.approx(50_000, rel=0.02)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert variance == pytest.approx(mean**2, rel=0.05)


def test_the_same_seed_gives_the_same_arrivals_and_another_seed_others() -> None:
    assert due(arrivals="poisson", seed="1") == due(arrivals="poisson", seed="1")
    assert due(arrivals="poisson", seed="1") != due(arrivals="poisson", seed="2")


@pytest.mark.parametrize("shape", LOAD_SHAPES)
def test_arrivals_rise_stay_in_the_run_and_follow_the_shape(shape: LoadShape) -> None:
    times = due(shape, rate=1_000.0, seconds=100.0)
    assert all(earlier < later for earlier, later in pairwise(times))
    assert times[0] >= 0
    assert times[-1] < 100.0
    in_second = Counter(int(moment) for moment in times)
    for second in range(100):
        expected = 1_000 * (load_at(shape, second / 100) + load_at(shape, second / 100 + 0.00999)) / 2
        assert in_second[second] == pytest.approx(expected, abs=3)


def test_a_spike_is_five_times_the_load_around_it() -> None:
    # Rounded, since a second's first arrival may lie a trillionth before it.
    in_second = Counter(int(round(moment, 6)) for moment in due("spike", rate=100.0, seconds=10.0))
    assert (in_second[3], in_second[4], in_second[5], in_second[6]) == (20, 100, 100, 20)


def test_processes_share_even_arrivals_without_a_gap() -> None:
    shares = [due(rate=10.0, seconds=3.0, process=process, processes=3) for process in range(3)]
    assert sorted(moment for share in shares for moment in share) == pytest.approx(due(rate=10.0, seconds=3.0))
    assert [len(share) for share in shares] == [10, 10, 10]


def test_processes_have_poisson_arrivals_of_their_own() -> None:
    first, second = (due(rate=2_000.0, arrivals="poisson", process=process, processes=2) for process in range(2))
    assert not set(first) & set(second)
    assert len(first) + len(second) == pytest.approx(20_000, rel=0.03)


def test_there_is_a_scenario_for_every_shape_of_traffic() -> None:
    batches = [f"batch_{size}" for size in BATCH_SIZES]
    singles = ["random", "zipf", "hot", "cross_shard_half", "hold_capture", "retry_storm", "kill_a_host"]
    assert sorted(SCENARIOS) == sorted([*singles, *batches])
    assert all(name == scenario.name and scenario.rate > 0 for name, scenario in SCENARIOS.items())


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_body_is_the_json_of_the_payments_that_the_books_count(name: str) -> None:
    plan = plan_of(name)
    ids = plan.account_ids
    templates = make_templates(plan, 0)
    for template in islice(templates, 10):
        body = msgspec.json.decode(template.fill(b"run.0.1"))
        items = body["payments"] if plan.of.kind == "batch" else [body]
        assert len(template.body) < BODY_BYTES_MAX
        assert len(items) == len(template.payments) == plan.of.batch_payments
        for item, payment in zip(items, template.payments, strict=True):
            assert (item["from"], item["to"], item["amount"]) == (ids[payment.source], ids[payment.target], payment.amount)
            assert item["from"] != item["to"]


def test_a_batch_has_a_key_for_each_payment_and_other_keys_under_another_number() -> None:
    template = make_templates(plan_of("batch_10"), 0)[0]
    keys = [
        {item["idempotency_key"] for item in msgspec.json.decode(template.fill(key))["payments"]}
        for key in (b"run.0.1", b"run.0.11")
    ]
    assert [len(found) for found in keys] == [10, 10]
    assert not keys[0] & keys[1]


def test_templates_follow_the_seed_and_the_process() -> None:
    plan = plan_of()
    assert make_templates(plan, 0) == make_templates(plan, 0)
    assert make_templates(plan, 0) != make_templates(plan, 1)
    assert make_templates(plan, 0) != make_templates(msgspec.structs.replace(plan, seed=8), 0)


def test_the_hot_account_receives_every_payment() -> None:
    assert {payment.target for template in make_templates(plan_of("hot"), 0) for payment in template.payments} == {0}


@pytest.mark.parametrize("groups", [(0, 0, 1, 1), (0, 1, 2, 3)])
def test_half_of_the_payments_go_to_another_group_of_shards(groups: tuple[int, ...]) -> None:
    plan = plan_of("cross_shard_half", shard_groups=groups)
    ids = plan.account_ids
    across = [
        groups[shard_of(ids[payment.source], 4)] != groups[shard_of(ids[payment.target], 4)]
        for template in make_templates(plan, 0)
        for payment in template.payments
    ]
    assert sum(across) / len(across) == pytest.approx(0.5, abs=0.02)


def test_half_cannot_cross_where_there_is_one_shard() -> None:
    with pytest.raises(ValueError, match="there must be two shards"):
        make_templates(plan_of("cross_shard_half", shard_groups=(0,)), 0)
