"""A rollout goes to its end or back to its beginning, and a canary is taken away whatever happens."""

import pytest

from deploy.delivery.rollouts.cloudwatch import ALARM, OK, UNKNOWN, Answered
from deploy.delivery.rollouts.manifests import CANARY
from deploy.delivery.rollouts.steps import Stopped, roll_out, try_canary
from tests.infra.delivery.emulated_cluster import NEW, OLD, Clock, EmulatedCluster, EmulatedWatch, service


class Rollout:
    """A step, with all that it works on."""

    def __init__(self, looks: float = 3) -> None:
        self.clock = Clock()
        self.cluster = EmulatedCluster(service(OLD), looks)
        self.watch = EmulatedWatch(self.clock)
        self.said: list[str] = []

    def roll_out(self, **spec: object) -> None:
        roll_out(self.cluster, self.watch, [service(NEW, **spec)], NEW, self.clock.times(), self.said.append)

    def try_canary(self) -> None:
        try_canary(self.cluster, self.watch, [service(NEW)], NEW, self.clock.times(), self.said.append)


@pytest.fixture
def rollout() -> Rollout:
    return Rollout()


def test_a_version_that_serves_and_keeps_the_alarm_quiet_stays(rollout: Rollout) -> None:
    rollout.roll_out()
    assert rollout.cluster.image == NEW
    assert rollout.clock.minutes >= 10
    assert len(rollout.cluster.applied) == 1


def test_a_canary_that_was_left_is_taken_away_before_a_rollout(rollout: Rollout) -> None:
    rollout.roll_out()
    assert rollout.cluster.deleted == [CANARY]


@pytest.mark.parametrize("state", [ALARM, UNKNOWN])
def test_nothing_is_changed_where_production_is_not_known_to_be_well(rollout: Rollout, state: str) -> None:
    rollout.watch.states = [(0, state)]
    for step in (rollout.roll_out, rollout.try_canary):
        with pytest.raises(Stopped, match="nothing was changed"):
            step()
    assert rollout.cluster.applied == []


@pytest.mark.parametrize("minutes", [0.3, 5])
def test_an_alarm_while_it_starts_or_after_it_serves_brings_the_old_version_back(rollout: Rollout, minutes: float) -> None:
    rollout.watch.states = [(0, OK), (minutes, ALARM)]
    with pytest.raises(Stopped, match="what ran before was applied again"):
        rollout.roll_out()
    assert rollout.cluster.image == OLD
    assert "status" not in rollout.cluster.applied[-1][0]
    assert rollout.cluster.applied[-1][0]["metadata"] == {"name": "payments", "namespace": "payments"}


def test_an_alarm_that_knows_nothing_at_the_end_brings_the_old_version_back(rollout: Rollout) -> None:
    rollout.watch.states = [(0, OK), (9, UNKNOWN)]
    with pytest.raises(Stopped, match="must be OK"):
        rollout.roll_out()
    assert rollout.cluster.image == OLD


def test_a_version_that_never_serves_gives_its_place_back() -> None:
    rollout = Rollout(looks=float("inf"))
    with pytest.raises(Stopped, match="does not serve after 60 minutes: not ready: replicas start"):
        rollout.roll_out()
    assert rollout.cluster.image == OLD


def test_a_first_version_has_nothing_to_go_back_to(rollout: Rollout) -> None:
    rollout.cluster = EmulatedCluster(looks=float("inf"))
    with pytest.raises(Stopped, match="nothing ran before"):
        rollout.roll_out()


def test_a_standby_is_only_told(rollout: Rollout) -> None:
    rollout.roll_out(suspend=True)
    assert rollout.clock.minutes == 0
    assert rollout.cluster.image == NEW


def test_a_good_canary_is_promoted_and_taken_away(rollout: Rollout) -> None:
    rollout.try_canary()
    assert rollout.said[-1].startswith("promote: 0 of ")
    assert rollout.clock.minutes >= 20
    assert rollout.cluster.deleted == [CANARY]
    assert rollout.cluster.image == OLD


def test_a_canary_that_fails_more_than_the_others_goes_at_once(rollout: Rollout) -> None:
    rollout.watch.counts = lambda minutes: {"canary": Answered(int(100 * minutes), int(5 * minutes)), "stable": Answered(6000, 2)}
    with pytest.raises(Stopped, match="the canary failed 5 of 100 requests, the others 2 of 6000"):
        rollout.try_canary()
    assert rollout.clock.minutes < 3
    assert rollout.cluster.deleted == [CANARY]
    assert rollout.cluster.image == OLD


def test_a_canary_goes_when_the_alarm_comes_on(rollout: Rollout) -> None:
    rollout.watch.states = [(0, OK), (8, ALARM)]
    with pytest.raises(Stopped, match="the alarm is on"):
        rollout.try_canary()
    assert CANARY not in rollout.cluster.services


def test_a_canary_that_does_not_start_is_taken_away() -> None:
    rollout = Rollout(looks=float("inf"))
    with pytest.raises(Stopped, match="payments-canary does not serve"):
        rollout.try_canary()
    assert CANARY not in rollout.cluster.services


def test_a_canary_goes_even_if_the_step_itself_breaks(rollout: Rollout) -> None:
    rollout.watch.counts = lambda _minutes: {}
    with pytest.raises(KeyError):
        rollout.try_canary()
    assert rollout.cluster.deleted == [CANARY]
