"""The open loop on a clock of the test's own, and what is measured by it."""

from itertools import count
from random import Random

import pytest

from loadtests.generator.open_loop import OpenLoop
from loadtests.measures.histogram import Histogram
from loadtests.measures.measurements import INTERVALS_MAX, NO_ANSWER, Measurements, interval_seconds, merged


class OwnTime:
    """A clock that only goes on when somebody waits."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def now(self) -> float:
        return self.time

    def sleep_until(self, moment: float) -> None:
        self.time = max(self.time, moment)


def run(due: list[float], answer_seconds: list[float], timeout_seconds: float = 10.0) -> Measurements:
    """Drive requests over one connection whose answers take so long; above the timeout there is none."""
    clock, measurements, taken = OwnTime(), Measurements(), iter(answer_seconds)

    def send(number: int, deadline: float) -> tuple[int, int]:
        finished = clock.time + next(taken)
        clock.time = min(finished, deadline)
        return (201, 1) if finished <= deadline else (NO_ANSWER, 0)

    OpenLoop(iter(due), clock, timeout_seconds, measurements, count()).drive(send)
    return measurements


def latencies(measurements: Measurements) -> list[float]:
    return [milliseconds for milliseconds, times in measurements.latency.buckets() for _ in range(times)]


def test_a_stall_counts_for_all_that_became_due_meanwhile() -> None:
    # The first answer takes 1 s, all others 1 ms: a closed loop would show one slow request, and nine fast ones.
    measured = run([number / 10 for number in range(10)], [1.0] + [0.001] * 9)
    expected = sorted([1_000.0] + [1_000 - 100 * number + number for number in range(1, 10)])
    assert latencies(measured) == pytest.approx(expected, rel=0.003)
    assert measured.lag.percentile_ms(100) == pytest.approx(901, rel=0.003)
    assert (measured.offered, measured.dropped, measured.paid) == (10, 0, 10)


def test_a_request_without_an_answer_and_one_that_was_never_sent_are_both_dropped_and_told_apart() -> None:
    # The first keeps the only connection for its whole second: then the second has waited too long, and the third has not.
    measured = run([0.0, 0.5, 0.6], [5.0, 0.1], timeout_seconds=1.0)
    assert (measured.timed_out, measured.not_started, measured.latency.total) == (1, 1, 1)
    assert latencies(measured) == pytest.approx([500.0], rel=0.003)
    assert measured.intervals[0].dropped == 2


def test_an_instance_that_is_too_slow_is_kept_busy_and_the_rest_is_dropped() -> None:
    # 100 a second are due, 10 a second are answered: those that are sent still have half of their time left.
    measured = run([number / 100 for number in range(1_000)], [0.1] * 1_000, timeout_seconds=2.0)
    assert measured.latency.total == pytest.approx(110, abs=2)
    assert (measured.timed_out, measured.offered) == (0, 1_000)
    assert measured.not_started == 1_000 - measured.latency.total


def test_a_stopped_loop_sends_nothing_more_and_counts_only_what_was_due_before() -> None:
    clock, measurements, sent = OwnTime(), Measurements(), list[int]()
    loop = OpenLoop(iter([0.0, 1.0, 2.0, 3.0]), clock, 10.0, measurements, count())

    def send(number: int, deadline: float) -> tuple[int, int]:
        sent.append(number)
        clock.time += 2.5
        loop.stop()
        clock.time += 1.0
        return 201, 1

    loop.drive(send)
    assert sent == [0]
    assert (measurements.offered, measurements.not_started, measurements.paid) == (3, 2, 1)


def test_connections_share_one_schedule_and_its_numbers() -> None:
    clock, measurements, sent = OwnTime(), Measurements(), list[int]()
    loop = OpenLoop(iter([0.0, 1.0, 2.0]), clock, 10.0, measurements, count(5))

    def send(number: int, deadline: float) -> tuple[int, int]:
        sent.append(number)
        if number == 5:
            loop.drive(send)  # As another connection does while this one waits for its answer.
        return 201, 1

    loop.drive(send)
    assert sent == [5, 6, 7]
    assert measurements.offered == 3


def test_percentiles_are_those_of_the_sorted_latencies_within_a_fifth_of_a_percent() -> None:
    random, histogram = Random(3), Histogram()
    seconds = sorted(random.lognormvariate(-5, 1.5) for _ in range(20_000))
    for value in seconds:
        histogram.add(value)
    for percent, rank in ((50, 10_000), (90, 18_000), (99, 19_800), (99.9, 19_980), (100, 20_000)):
        assert histogram.percentile_ms(percent) == pytest.approx(seconds[rank - 1] * 1_000, rel=0.002, abs=0.001)
    assert histogram.mean_ms == pytest.approx(sum(seconds) / 20, rel=0.001)
    assert sum(times for _, times in histogram.buckets()) == 20_000


def test_an_empty_histogram_has_no_percentiles() -> None:
    assert (Histogram().percentile_ms(50), Histogram().mean_ms) == (None, None)


def test_what_processes_measured_adds_up() -> None:
    first, second = Measurements(), Measurements()
    for part, latency in ((first, 0.010), (second, 0.030)):
        part.due(2.5)
        part.answer(2.5, 2.5, 2.5 + latency, 201, 10)
        part.retry("503")
    second.due(0.5)
    second.drop_unsent(0.5)
    second.due(0.7)
    second.answer(0.7, 0.7, 0.8, 422, 0)
    second.differ("not the same")
    whole = merged([first, second])
    assert (whole.offered, whole.not_started, whole.paid, whole.errors) == (4, 1, 20, 2)
    assert (whole.statuses, whole.retried, whole.differences) == ({201: 2, 422: 1}, {"503": 2}, ["not the same"])
    assert [interval.offered for interval in whole.intervals] == [2, 0, 2]
    assert whole.intervals[2].latency.percentile_ms(100) == 30
    assert (first.offered, second.offered) == (1, 3)


def test_answers_count_where_they_come_and_latencies_where_they_were_due() -> None:
    measured = Measurements()
    measured.due(0.9)
    measured.answer(0.9, 0.9, 2.1, 201, 1)
    assert [interval.paid for interval in measured.intervals] == [0, 0, 1]
    assert [interval.latency.total for interval in measured.intervals] == [1, 0, 0]


@pytest.mark.parametrize(("seconds", "expected"), [(1, 1), (600, 1), (601, 2), (86_400, 144)])
def test_a_long_run_has_longer_intervals_and_not_more(seconds: float, expected: float) -> None:
    assert interval_seconds(seconds) == expected
    assert seconds / expected <= INTERVALS_MAX
