"""Latencies in buckets that are 0.2 % wide at most, however many there are: percentiles without keeping every value."""

from collections.abc import Iterator
from math import ceil

import msgspec

_BITS = 10
"""A bucket holds the values that share their first ten binary digits."""

_MICROSECONDS = 1_000_000


class Histogram(msgspec.Struct):
    """Counts by bucket, in microseconds. Percentiles are the bucket's upper end, never above the maximum."""

    counts: dict[int, int] = {}
    total: int = 0
    sum_microseconds: int = 0
    maximum_microseconds: int = 0

    def add(self, seconds: float) -> None:
        """Count one latency; a negative one (a clock that is read too early) counts as zero."""
        value = max(round(seconds * _MICROSECONDS), 0)
        shift = max(value.bit_length() - _BITS, 0)
        bucket = (shift << _BITS) + (value >> shift)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.total += 1
        self.sum_microseconds += value
        self.maximum_microseconds = max(self.maximum_microseconds, value)

    def merge(self, other: "Histogram") -> None:
        """Add everything that the other has counted."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.total += other.total
        self.sum_microseconds += other.sum_microseconds
        self.maximum_microseconds = max(self.maximum_microseconds, other.maximum_microseconds)

    def percentile_ms(self, percent: float) -> float | None:
        """Return what at least `percent` % of the latencies did not exceed, in milliseconds; None if there are none."""
        # Rounded, since 99.9 % of 1,000 is not a whole number in binary.
        rank = max(ceil(round(percent * self.total, 6) / 100), 1)
        seen = 0
        for bucket_ms, count in self.buckets():
            seen += count
            if seen >= rank:
                return bucket_ms
        return None

    @property
    def mean_ms(self) -> float | None:
        """The mean in milliseconds; None if there are none."""
        return self.sum_microseconds / self.total / 1_000 if self.total else None

    def buckets(self) -> Iterator[tuple[float, int]]:
        """Yield the upper end in milliseconds, and the count, of each bucket that has any, from the lowest up."""
        for bucket in sorted(self.counts):
            shift, first_digits = bucket >> _BITS, bucket & ((1 << _BITS) - 1)
            upper = ((first_digits + 1) << shift) - 1
            yield min(upper, self.maximum_microseconds) / 1_000, self.counts[bucket]
