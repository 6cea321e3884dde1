"""The steps of a rollout. Each looks at the alarm before it begins, while it works, and at its end."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from deploy.delivery.rollouts.cloudwatch import ALARM, OK, Answered
from deploy.delivery.rollouts.kubectl import Document
from deploy.delivery.rollouts.manifests import CANARY, canary_of, ray_service
from deploy.delivery.rollouts.ray_service import active_cluster, as_applied, obstacles
from deploy.delivery.rollouts.verdict import Decision, judge

SERVICE = "payments"


class Stopped(Exception):
    """A rollout has ended before its end. The message says why, and what was done about it."""


class Cluster(Protocol):
    """What a step needs of the cluster: kubectl.Kubectl."""

    def apply(self, documents: Sequence[Document]) -> None: ...

    def get(self, kind: str, name: str) -> Document | None: ...

    def delete(self, kind: str, name: str) -> None: ...


class Watch(Protocol):
    """What a step needs of CloudWatch: cloudwatch.CloudWatch."""

    def alarm(self) -> tuple[str, str]: ...

    def answered(self, since: datetime) -> Mapping[str, Answered]: ...


class Times(NamedTuple):
    """How long a step waits, and how it waits."""

    ready_minutes: float = 60
    settle_minutes: float = 10
    canary_minutes: float = 20
    look_seconds: float = 15
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def roll_out(
    cluster: Cluster, watch: Watch, documents: Sequence[Document], image: str, times: Times, say: Callable[[str], None]
) -> None:
    """Bring a version to the cluster, and go back to what ran before if it does not come to serve, or if the alarm comes on.

    Raises Stopped.
    """
    _begin(watch)
    cluster.delete("rayservice", CANARY)
    before = cluster.get("rayservice", SERVICE)
    cluster.apply(documents)
    if ray_service(documents)["spec"].get("suspend"):
        say("the service is asleep here: nothing starts before a failover")
        return
    try:
        _wait_until_it_serves(cluster, watch, SERVICE, image, times, say)
        _settle(watch, times, say)
    except Stopped as stopped:
        raise Stopped(f"{stopped}; {_go_back(cluster, before)}") from stopped


def try_canary(
    cluster: Cluster, watch: Watch, documents: Sequence[Document], image: str, times: Times, say: Callable[[str], None]
) -> None:
    """Give a version a share of the requests for a while, and take it away again in any case. Raises Stopped: it is not good enough."""
    _begin(watch)
    try:
        cluster.apply(canary_of(documents))
        _wait_until_it_serves(cluster, watch, CANARY, image, times, say)
        began = times.now()
        while True:
            times.sleep(max(times.look_seconds, 60.0))  # figures come once a minute
            answered = watch.answered(began)
            is_over = times.now() - began >= timedelta(minutes=times.canary_minutes)
            verdict = judge(watch.alarm(), answered["canary"], answered["stable"], is_over)
            say(f"{verdict.decision.value}: {verdict.reason}")
            if verdict.decision is Decision.ROLL_BACK:
                raise Stopped(f"{verdict.reason}; the canary was taken away, production is as it was")
            if verdict.decision is Decision.PROMOTE:
                return
    finally:
        cluster.delete("rayservice", CANARY)


def _begin(watch: Watch) -> None:
    state, why = watch.alarm()
    if state != OK:
        raise Stopped(f"nothing was changed: before a rollout the alarm must be OK, and it is {state} ({why})")


def _wait_until_it_serves(
    cluster: Cluster, watch: Watch, name: str, image: str, times: Times, say: Callable[[str], None]
) -> None:
    latest = times.now() + timedelta(minutes=times.ready_minutes)
    said: list[str] = []
    while True:
        service = cluster.get("rayservice", name)
        active = active_cluster(service)
        missing = obstacles(service, cluster.get("raycluster", active) if active else None, image)
        if not missing:
            say(f"{name} serves {image}")
            return
        if missing != said:
            say(f"{name}: {'; '.join(missing)}")
            said = missing
        _stop_if_alarmed(watch)
        if times.now() > latest:
            raise Stopped(f"{name} does not serve after {times.ready_minutes:g} minutes: {'; '.join(missing)}")
        times.sleep(times.look_seconds)


def _settle(watch: Watch, times: Times, say: Callable[[str], None]) -> None:
    say(f"watching for {times.settle_minutes:g} minutes")
    until = times.now() + timedelta(minutes=times.settle_minutes)
    while times.now() < until:
        _stop_if_alarmed(watch)
        times.sleep(times.look_seconds)
    state, why = watch.alarm()
    if state != OK:
        raise Stopped(f"at the end the alarm must be OK, and it is {state} ({why})")


def _stop_if_alarmed(watch: Watch) -> None:
    state, why = watch.alarm()
    if state == ALARM:
        raise Stopped(f"the alarm is on: {why}")


def _go_back(cluster: Cluster, before: Document | None) -> str:
    if before is None:
        return "nothing ran before, so there is nothing to go back to: look at it"
    cluster.apply([as_applied(before)])
    return "what ran before was applied again"
