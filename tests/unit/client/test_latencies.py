"""Percentiles."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.client.latencies import Latencies


def _latencies(*seconds: float) -> Latencies:
    latencies = Latencies()
    for value in seconds:
        latencies.add(0.0, value)
    return latencies


@pytest.mark.parametrize(
    ("percent", "milliseconds"), [(0, 1), (0.1, 1), (0.2, 2), (50, 500), (99, 990), (99.9, 999), (99.91, 1000), (100, 1000)]
)
def test_a_percentile_is_the_smallest_value_that_reaches_its_share(percent: float, milliseconds: float) -> None:
    latencies = _latencies(*(value / 1000 for value in range(1000, 0, -1)))
    assert latencies.percentile_ms(percent) == pytest.approx(milliseconds)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=300), st.integers(1, 1000))
def test_a_percentile_covers_its_share_and_not_less(values: list[float], permille: int) -> None:
    found = _latencies(*values).percentile_ms(permille / 10) / 1000
    assert 1000 * sum(value <= found * (1 + 1e-12) for value in values) >= permille * len(values)
    assert 1000 * sum(value < found * (1 - 1e-12) for value in values) < permille * len(values)


def test_without_values_there_is_no_percentile() -> None:
    assert math.isnan(Latencies().percentile_ms(50))


def test_a_value_that_comes_later_counts_too() -> None:
    latencies = _latencies(1.0)
    assert latencies.percentile_ms(100) == 1000
    latencies.add(0.0, 2.0)
    assert latencies.percentile_ms(100) == 2000


def test_requests_under_way_in_a_span_can_be_left_out() -> None:
    latencies = Latencies()
    for started, seconds in ((0.0, 1.0), (0.0, 3.0), (3.0, 0.5), (3.0, 9.0), (6.0, 1.0)):
        latencies.add(started, seconds)
    calm = latencies.without(2.0, 5.0)
    assert (len(calm), calm.percentile_ms(100)) == (2, 1000)
