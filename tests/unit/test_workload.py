"""The payments of load tests."""

from collections import Counter

import msgspec
import pytest

from loadtests.workload import SHAPES, Shape, Workload


def _decoded(workload: Workload, count: int) -> list[dict[str, object]]:
    return [msgspec.json.decode(body) for _, body in workload.singles(count)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_keys(shape: Shape) -> None:
    assert Workload(shape, 50, 1).singles(100) == Workload(shape, 50, 1).singles(100)
    first, second = ({key for key, _ in Workload(shape, 50, seed).singles(100)} for seed in (1, 2))
    assert not first & second


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("accounts", [2, 3, 1000])
def test_payments_go_between_two_accounts_of_the_workload(shape: Shape, accounts: int) -> None:
    workload = Workload(shape, accounts, 7)
    ids = set(workload.account_ids)
    for payment in _decoded(workload, 500):
        assert payment["from"] != payment["to"]
        assert {payment["from"], payment["to"]} <= ids
        assert payment["currency"] == "EUR"


def test_one_hot_account_receives_every_payment() -> None:
    assert {payment["to"] for payment in _decoded(Workload("one_hot_account", 100, 1), 500)} == {"load-0000000"}


def test_random_accounts_are_used_alike() -> None:
    seen = Counter(payment["from"] for payment in _decoded(Workload("random_accounts", 10, 1), 10_000))
    assert len(seen) == 10
    assert max(seen.values()) < 1.3 * min(seen.values())


def test_in_zipf_the_first_account_is_used_about_ten_times_as_often_as_the_tenth() -> None:
    seen = Counter(payment["from"] for payment in _decoded(Workload("zipf", 1000, 1), 50_000))
    assert 7 < seen["load-0000000"] / seen["load-0000009"] < 14


def test_batches_hold_different_payments_with_keys_of_their_own() -> None:
    batches = Workload("random_accounts", 100, 1).batches(5, 20)
    payments = [payment for batch in batches for payment in msgspec.json.decode(batch.body)["payments"]]
    assert [batch.count for batch in batches] == [20] * 5
    assert len({payment["idempotency_key"] for payment in payments}) == 100


def test_one_account_is_too_few() -> None:
    with pytest.raises(ValueError, match="two accounts"):
        Workload("random_accounts", 1, 1).singles(1)
