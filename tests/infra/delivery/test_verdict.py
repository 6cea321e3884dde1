"""When a canary goes on: at the alarm never, at errors that are no chance never, and at the end only if something was learnt."""

import random

import pytest

from deploy.delivery.rollouts.cloudwatch import ALARM, OK, UNKNOWN, Answered
from deploy.delivery.rollouts.verdict import ENOUGH_REQUESTS, Decision, is_worse, judge

QUIET = (OK, "")
WELL = Answered(5000, 0)


@pytest.mark.parametrize(
    ("alarm", "canary", "stable", "is_over", "expected"),
    [
        (QUIET, WELL, WELL, False, Decision.GO_ON),
        (QUIET, WELL, WELL, True, Decision.PROMOTE),
        ((ALARM, "money"), WELL, WELL, False, Decision.ROLL_BACK),
        ((ALARM, "money"), WELL, WELL, True, Decision.ROLL_BACK),
        ((UNKNOWN, ""), WELL, WELL, False, Decision.GO_ON),
        ((UNKNOWN, ""), WELL, WELL, True, Decision.ROLL_BACK),
        (QUIET, Answered(ENOUGH_REQUESTS - 1, 0), WELL, False, Decision.GO_ON),
        (QUIET, Answered(ENOUGH_REQUESTS - 1, 0), WELL, True, Decision.ROLL_BACK),
        (QUIET, Answered(0, 0), Answered(0, 0), True, Decision.ROLL_BACK),
        (QUIET, Answered(1000, 20), Answered(6000, 6), False, Decision.ROLL_BACK),
        # A fault of the hosts meets all replicas alike: the canary is not to blame, and the alarm is there for it.
        (QUIET, Answered(1000, 20), Answered(6000, 120), False, Decision.GO_ON),
        # One error of a few requests says nothing yet.
        (QUIET, Answered(50, 1), Answered(6000, 0), False, Decision.GO_ON),
        # Every request fails: nobody waits for statistics.
        (QUIET, Answered(3, 3), Answered(6000, 0), False, Decision.ROLL_BACK),
    ],
)
def test_verdicts(alarm: tuple[str, str], canary: Answered, stable: Answered, is_over: bool, expected: Decision) -> None:
    assert judge(alarm, canary, stable, is_over).decision is expected


def runs(share: float, seed: int) -> bool:
    """Return whether a canary that fails so often, beside others that fail one of a thousand, passes twenty looks."""
    chance = random.Random(seed)
    canary, stable = Answered(), Answered()
    for _minute in range(20):
        canary = Answered(canary.requests + 300, canary.errors + sum(chance.random() < share for _ in range(300)))
        stable = Answered(stable.requests + 1800, stable.errors + sum(chance.random() < 0.001 for _ in range(1800)))
        if is_worse(canary, stable):
            return False
    return True


def test_good_versions_pass_and_bad_ones_do_not() -> None:
    assert sum(runs(0.001, seed) for seed in range(40)) >= 38
    assert sum(runs(0.01, seed) for seed in range(40)) <= 1
