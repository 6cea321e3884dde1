"""What CloudWatch says: the alarm at which a rollout stops, and how many requests the canary and the others have answered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"
TRACKS = ("canary", "stable")


class Answered(NamedTuple):
    """Requests, and those of them that ended in a 5xx."""

    requests: int = 0
    errors: int = 0


class CloudWatch:
    """Alarms and figures of one account and region."""

    def __init__(self, client: Any, stop_alarm: str) -> None:
        """`client`: boto3's for cloudwatch."""
        self._client = client
        self._stop_alarm = stop_alarm

    def alarm(self) -> tuple[str, str]:
        """Return the state of the alarm that stops rollouts, and why it has that state."""
        found = self._client.describe_alarms(AlarmNames=[self._stop_alarm], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        for alarm in (*found.get("CompositeAlarms", ()), *found.get("MetricAlarms", ())):
            return alarm["StateValue"], alarm.get("StateReason", "")
        # Nobody watches: worse than an alarm that is on.
        return ALARM, f"there is no alarm {self._stop_alarm}"

    def answered(self, since: datetime) -> Mapping[str, Answered]:
        """Return what the canary and the others have answered since then."""
        queries = [
            _query(f"{track}_{figure}", f"payments_http_{figure}_total", track)
            for track in TRACKS
            for figure in ("requests", "errors")
        ]  # fmt: skip
        sums: dict[str, float] = {}
        token: dict[str, str] = {}
        while True:
            found = self._client.get_metric_data(MetricDataQueries=queries, StartTime=since, EndTime=datetime.now(UTC), **token)
            for result in found["MetricDataResults"]:
                sums[result["Id"]] = sums.get(result["Id"], 0.0) + sum(result["Values"])
            if not found.get("NextToken"):
                break
            token = {"NextToken": found["NextToken"]}
        return {
            track: Answered(round(sums.get(f"{track}_requests", 0)), round(sums.get(f"{track}_errors", 0))) for track in TRACKS
        }  # fmt: skip


def _query(name: str, metric: str, track: str) -> dict[str, Any]:
    dimensions = [{"Name": "ledger", "Value": "payments"}, {"Name": "track", "Value": track}]
    what = {"Namespace": "Payments", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": what, "Period": 60, "Stat": "Sum"}}
