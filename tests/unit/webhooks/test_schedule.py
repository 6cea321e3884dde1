"""When an event that was not taken is sent again, and how an endpoint is treated that takes none."""

import pytest

from processor.bridges.webhooks.pace import CLAIM_MAX, WINDOW_MAX, Pace, rest_seconds
from processor.bridges.webhooks.schedule import ATTEMPTS_MAX, RETRY_SECONDS, retry_seconds

HOUR = 3600.0


@pytest.mark.parametrize(
    ("attempts", "pause"),
    [
        (1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, HOUR), (7, 2 * HOUR), (8, 4 * HOUR), (9, 8 * HOUR), (10, 8 * HOUR),
        (11, None), (12, None),
    ],
)  # fmt: skip
def test_pauses_grow_from_five_seconds_until_a_day_has_passed(attempts: int, pause: float | None) -> None:
    assert retry_seconds(attempts, chance=0.5) == pause


def test_all_attempts_together_take_about_a_day() -> None:
    assert ATTEMPTS_MAX == 11
    assert 23 * HOUR < sum(RETRY_SECONDS) < 25 * HOUR


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 27), (0.5, 30), (1.0, 33)])
def test_chance_moves_a_pause_by_a_tenth(chance: float, pause: float) -> None:
    assert retry_seconds(2, chance) == pytest.approx(pause)


@pytest.mark.parametrize(("asked", "pause"), [(None, 30), (0, 30), (10, 30), (45, 45), (6 * HOUR, 6 * HOUR), (999_999, 6 * HOUR)])
def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_ever(asked: float | None, pause: float) -> None:
    assert retry_seconds(2, 0.5, asked) == pause


def test_what_a_receiver_asks_for_gives_no_more_attempts() -> None:
    assert retry_seconds(ATTEMPTS_MAX, 0.5, 10) is None


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (7, 0), (8, 1), (9, 2), (13, 32), (14, 60), (10_000, 60)])
def test_an_endpoint_that_always_fails_is_let_alone_for_up_to_a_minute(failures: int, seconds: float) -> None:
    assert rest_seconds(failures) == seconds


def test_the_window_closes_quickly_on_failures_and_opens_with_success() -> None:
    pace = Pace()
    rests = [pace.note(10.0, False, None) for _ in range(10)]
    assert pace.window == 1
    assert rests == [rest_seconds(number) for number in range(1, 11)]
    assert [pace.note(0.01, True, None) for _ in range(WINDOW_MAX)] == [0.0] * WINDOW_MAX
    assert pace.window == WINDOW_MAX
    assert pace.note(0.01, False, None) == 0.0, "one failure after many successes is not yet a reason to rest"


def test_a_slow_endpoint_is_given_as_much_as_it_takes_in_a_moment_and_a_fast_one_plenty() -> None:
    slow, fast = Pace(), Pace()
    for _ in range(100):
        slow.note(10.0, True, None)
        fast.note(0.002, True, None)
    assert slow.claim_limit == slow.window
    assert fast.claim_limit == CLAIM_MAX


def test_a_receiver_that_asks_for_a_pause_gets_it_within_bounds() -> None:
    assert Pace().note(0.1, False, 20) == 20
    assert Pace().note(0.1, False, 100_000) == 300
