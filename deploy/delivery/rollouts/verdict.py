"""Whether a canary goes on. Pure: what was seen goes in, one of three words and the reason come out."""

from enum import Enum
from math import exp
from typing import NamedTuple

from deploy.delivery.rollouts.cloudwatch import ALARM, OK, Answered

# An API answers one request of a thousand with a 5xx at most, by its goal; a canary is not held to more than that.
_GOAL = 0.001
# So improbable must it be that a version which fails no more often than the others had so many errors. At one look a minute, a good
# version is turned away in less than one of ten runs of an hour, and usually in none.
_CHANCE = 0.001
# With fewer answers nothing was learnt, whatever they were.
ENOUGH_REQUESTS = 200


class Decision(Enum):
    """What to do now."""

    GO_ON = "go on"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"


class Verdict(NamedTuple):
    decision: Decision
    reason: str


def judge(alarm: tuple[str, str], canary: Answered, stable: Answered, is_over: bool) -> Verdict:
    """Return the verdict on a canary after one look. `is_over`: its time is up, so it must be one way or the other."""
    state, why = alarm
    if state == ALARM:
        return Verdict(Decision.ROLL_BACK, f"the alarm is on: {why}")
    if is_worse(canary, stable):
        return Verdict(
            Decision.ROLL_BACK,
            f"the canary failed {canary.errors} of {canary.requests} requests, the others {stable.errors} of {stable.requests}",
        )
    if not is_over:
        return Verdict(Decision.GO_ON, f"{canary.errors} of {canary.requests} requests failed")
    if state != OK:
        return Verdict(Decision.ROLL_BACK, "the alarm does not know how production is, so nobody would have noticed a fault")
    if canary.requests < ENOUGH_REQUESTS:
        return Verdict(
            Decision.ROLL_BACK,
            f"the canary answered {canary.requests} requests, and {ENOUGH_REQUESTS} are needed to learn anything: give it more time",
        )
    return Verdict(
        Decision.PROMOTE,
        f"{canary.errors} of {canary.requests} requests failed, of the others' {stable.requests}: {stable.errors}",
    )


def is_worse(canary: Answered, stable: Answered) -> bool:
    """Return whether the canary's errors are too many to be chance, if it failed as often as the others or as the goal allows."""
    share = max(_GOAL, stable.errors / stable.requests if stable.requests else 0.0)
    return canary.errors > 0 and _at_least(canary.errors, canary.requests * share) < _CHANCE


def _at_least(count: int, expected: float) -> float:
    """Return how probable this many events or more are, where so many are expected (Poisson)."""
    term = below = exp(-expected)
    for number in range(1, count):
        term *= expected / number
        below += term
    return max(0.0, 1.0 - below)
