"""How long bridges rest: by the share of one core's time that they may take, and after failures."""

from random import Random

import pytest

from processor.bridges import pace
from processor.bridges.pace import BACKOFF_SECONDS_MAX, GATHER_SECONDS, POLL_SECONDS, Backoff, Pace


class Clocks:
    """The time that has passed, and that this process has worked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = self.worked = 0.0
        monkeypatch.setattr(pace, "monotonic", lambda: self.passed)
        monkeypatch.setattr(pace, "process_time", lambda: self.worked)

    def work(self, seconds: float) -> None:
        self.passed += seconds
        self.worked += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_work_is_kept_at_its_share_whatever_goes_on_during_the_rest(clocks: Clocks) -> None:
    paced = Pace(0.25)
    for _ in range(50):
        clocks.work(1.0)
        rest = paced.rest_seconds(1.0, 100)
        clocks.passed += rest
        clocks.worked += 0.1  # the next batch is read meanwhile
    assert clocks.worked / clocks.passed == pytest.approx(0.25, abs=0.02)


def test_waiting_for_the_target_counts_as_rest_but_is_not_saved_up(clocks: Clocks) -> None:
    paced = Pace(0.5)
    clocks.passed += 100.0
    assert paced.rest_seconds(1.0, 100) == 0.0
    clocks.work(1.0)
    clocks.passed += 0.25
    assert paced.rest_seconds(1.0, 100) == pytest.approx(0.75)


@pytest.mark.parametrize(("records", "seconds"), [(1, POLL_SECONDS), (100, GATHER_SECONDS)])
def test_batches_that_are_not_full_are_spaced_the_more_the_more_comes(clocks: Clocks, records: int, seconds: float) -> None:
    assert Pace(1.0).rest_seconds(0.1, records) == seconds
    assert Pace(1.0).rest_seconds(0.9, records) == 0.0


def test_pauses_after_failures_grow_up_to_a_maximum_and_begin_anew() -> None:
    backoff = Backoff(random=Random(1))
    pauses = [backoff.next_seconds() for _ in range(40)]
    for number, pause in enumerate(pauses):
        longest = min(BACKOFF_SECONDS_MAX, 0.1 * 2**number)
        assert longest / 2 <= pause <= longest
    backoff.reset()
    assert backoff.next_seconds() <= 0.1
