"""Requests go to the new region, and stay there whatever the old one says of its health: people alone turn the switch.

Turning it is one figure sent to CloudWatch in the standby's region, where Route 53 reads it: nothing of it lies in the old region, and
Route 53, whose management lies in a third, need not be changed. It is turned before the promotion, because a minute or two pass until
it is seen everywhere, and because it keeps new payments away from the old region even if its locks are out of reach.
"""

from deploy.failover.step import Step, StepFailed, Work

_NAMESPACE, _METRIC = "payments/failover", "primary_withdrawn"
_LOOKS = 60
_PAUSE_SECONDS = 5.0


def _withdraws(work: Work) -> bool:
    """Whether the preferred region is the one that is given up."""
    return work.landscape.new.region != work.landscape.switch.preferred_region


def _is_turned(work: Work) -> bool:
    switch = work.landscape.switch
    alarms = work.clients("cloudwatch", switch.region).describe_alarms(AlarmNames=[switch.alarm])["MetricAlarms"]
    if not alarms:
        raise StepFailed(f"there is no alarm {switch.alarm} in {switch.region}: terraform/modules/edge makes it")
    return bool((alarms[0]["StateValue"] == "ALARM") == _withdraws(work))


def look(work: Work) -> list[str]:
    """Return whether the switch is still to be turned."""
    return [] if _is_turned(work) else [f"send requests to {work.landscape.new.region}"]


def act(work: Work) -> None:
    """Turn the switch."""
    switch = work.landscape.switch
    figure = {
        "MetricName": _METRIC,
        "Dimensions": [{"Name": "Name", "Value": switch.name}],
        "Value": 1.0 if _withdraws(work) else 0.0,
    }
    work.clients("cloudwatch", switch.region).put_metric_data(Namespace=_NAMESPACE, MetricData=[figure])


def look_for_arrival(work: Work) -> list[str]:
    """Return whether Route 53 has yet to be told."""
    return [] if _is_turned(work) else [f"wait until the alarm {work.landscape.switch.alarm} has followed the switch"]


def wait_for_arrival(work: Work) -> None:
    """Wait until the alarm has followed. Raises StepFailed."""
    for _ in range(_LOOKS):
        if _is_turned(work):
            return
        work.pause(_PAUSE_SECONDS)
    raise StepFailed(
        f"{work.landscape.switch.alarm} has not followed in {_LOOKS * _PAUSE_SECONDS / 60:.0f} minutes: turn the switch again"
    )


TRAFFIC = Step("traffic", look, act)
ARRIVAL = Step("arrival", look_for_arrival, wait_for_arrival)
