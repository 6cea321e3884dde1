"""Histograms as Prometheus has them."""

import pytest

from actors.buckets import Buckets


def test_a_value_counts_for_every_bound_that_it_does_not_pass() -> None:
    buckets = Buckets((1.0, 2.0, 5.0))
    for value in (0.5, 1.0, 1.5, 5.0, 7.0):
        buckets.add(value)
    read = buckets.read()
    assert read.cumulated() == [("1.0", 2), ("2.0", 3), ("5.0", 4), ("+Inf", 5)]
    assert (buckets.count, read.total) == (5, 15.0)


def test_what_was_read_does_not_change() -> None:
    buckets = Buckets((1.0,))
    read = buckets.read()
    buckets.add(1.0)
    assert read.cumulated() == [("1.0", 0), ("+Inf", 0)]


@pytest.mark.parametrize("value", [0.0, 1e9])
def test_no_value_is_out_of_range(value: float) -> None:
    buckets = Buckets((1.0,))
    buckets.add(value)
    assert buckets.read().cumulated()[-1] == ("+Inf", 1)
