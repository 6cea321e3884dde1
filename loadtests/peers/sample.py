"""What one load of one side came to."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import msgspec

from processor.client.load import LoadResult

RANDOM, HOT, BATCHES = "random accounts", "one hot account", "batches"
"""The loads. `BATCHES` is of random accounts."""

LARGEST_BATCHES = "the largest batches, from two processes"
"""TigerBeetle's."""


class Sample(msgspec.Struct, frozen=True):
    """Payments a second, and the latencies of requests in milliseconds (a batch is one request)."""

    rate: float
    p50_ms: float
    p99_ms: float


Loads = Mapping[str, Callable[[], Sample]]
"""What can be measured on a running side, by the load's name."""


class Side(msgspec.Struct, frozen=True):
    """One side. `open` starts it, warms it up, gives its loads, and at the end checks its books and stops it."""

    name: str
    open: Callable[[], AbstractContextManager[Loads]]


def sample_of(result: LoadResult) -> Sample:
    """Return what counts of a load's result."""
    return Sample(result.rate, result.p50_ms, result.p99_ms)
