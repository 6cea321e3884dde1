"""Who collects figures and carries alerts: the names in Terraform are those of the manifests, and the pager hears of what is critical."""

import json
import re
from pathlib import Path

import yaml

from tests.infra.delivery.alarm_definitions import OPERATIONS

MONITORING = Path(__file__).parents[3] / "deploy" / "monitoring"


def alert(severity: str) -> dict[str, str]:
    """Return what the topic is told of an alert, as the alert manager would write it."""
    config = yaml.safe_load((MONITORING / "alertmanager" / "alertmanager-config.yaml").read_text())
    (receiver,) = config["spec"]["receivers"]
    (told,) = receiver["snsConfigs"]
    values = {".CommonLabels.severity": severity, ".CommonLabels.alertname": "PaymentsShardBroken", ".Status": "firing"}
    text = re.sub(r"\{\{ (\S+) \}\}", lambda found: values.get(found[1], "deploy/runbooks/x.md"), told["message"])
    message: dict[str, str] = json.loads(text)
    return message


def test_the_pager_hears_of_critical_alerts_and_of_no_others() -> None:
    (prefix,) = re.findall(r'AlarmDescription = \[\{ prefix = "(.+?)" \}\]', (OPERATIONS / "alerts" / "topic.tf").read_text())
    assert alert("critical")["AlarmDescription"].startswith(prefix)
    assert not alert("warning")["AlarmDescription"].startswith(prefix)
    assert "${alarm.severity}: " in (OPERATIONS / "alarms.tf").read_text(), "CloudWatch's descriptions begin in the same way"


def test_roles_are_given_to_the_service_accounts_that_there_are() -> None:
    accounts = re.findall(r'service_account += "([\w-]+)"', (OPERATIONS / "monitors.tf").read_text())
    collector = yaml.safe_load((MONITORING / "adot" / "service-account.yaml").read_text())["metadata"]
    pod = yaml.safe_load((MONITORING / "adot" / "deployment.yaml").read_text())["spec"]["template"]["spec"]
    assert collector["name"] == pod["serviceAccountName"] == accounts[0]
    assert collector["namespace"] == "monitoring"
