"""The alarm and the canary's figures, as CloudWatch's own protocol gives them (an emulator of it)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from deploy.delivery.rollouts.cloudwatch import ALARM, OK, UNKNOWN, Answered, CloudWatch
from deploy.delivery.rollouts.verdict import Decision, judge
from tests.aws import EmulatedAws


@pytest.fixture
def client(aws: EmulatedAws) -> Any:
    return aws.client("cloudwatch")


def put_alarm(client: Any, state: str) -> str:
    name = f"payments-stop-deployment-{uuid4().hex[:8]}"
    client.put_metric_alarm(
        AlarmName=name, Namespace="Payments", MetricName="payments_audit_divergence", Statistic="Maximum", Period=60,
        EvaluationPeriods=1, Threshold=0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason=f"it is {state}")
    return name


def answer(client: Any, track: str, requests: int, errors: int) -> None:
    dimensions = [{"Name": "ledger", "Value": "payments"}, {"Name": "track", "Value": track}]
    at = datetime.now(UTC) - timedelta(minutes=1)
    data = [
        {"MetricName": f"payments_http_{figure}_total", "Dimensions": dimensions, "Timestamp": at, "Value": value}
        for figure, value in (("requests", requests), ("errors", errors))
    ]
    client.put_metric_data(Namespace="Payments", MetricData=data)


@pytest.mark.parametrize("state", [OK, ALARM, UNKNOWN])
def test_the_state_of_the_alarm_and_why(client: Any, state: str) -> None:
    found, why = CloudWatch(client, put_alarm(client, state)).alarm()
    assert found == state
    assert why == f"it is {state}"


def test_without_the_alarm_nothing_is_rolled_out(client: Any) -> None:
    assert CloudWatch(client, "payments-nobody").alarm() == (ALARM, "there is no alarm payments-nobody")


def test_a_canary_is_judged_by_its_own_answers_and_the_others(client: Any) -> None:
    watch = CloudWatch(client, put_alarm(client, OK))
    began = datetime.now(UTC) - timedelta(minutes=5)
    before = watch.answered(began)
    answer(client, "canary", 400, 9)
    answer(client, "canary", 200, 3)
    answer(client, "stable", 4000, 4)
    after = watch.answered(began)
    canary = Answered(after["canary"].requests - before["canary"].requests, after["canary"].errors - before["canary"].errors)
    assert canary == Answered(600, 12)
    assert after["stable"].requests - before["stable"].requests == 4000
    assert judge(watch.alarm(), canary, after["stable"], is_over=False).decision is Decision.ROLL_BACK
    assert judge(watch.alarm(), Answered(600, 1), after["stable"], is_over=True).decision is Decision.PROMOTE
