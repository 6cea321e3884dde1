"""CloudWatch's alarms, their table in deploy/runbooks, and the pages behind it name each other."""

import re
from pathlib import Path

from tests.infra.delivery.alarm_definitions import OPERATIONS, definitions, runbooks

RUNBOOKS = Path(__file__).parents[3] / "deploy" / "runbooks"
TABLE = (RUNBOOKS / "README.md").read_text()


def promised() -> set[str]:
    """Return the alarms that the table promises in CloudWatch."""
    return {found for line in TABLE.splitlines() if line.startswith("| [") for found in re.findall(r"`(payments-[a-z-]+)`", line)}


def test_every_alarm_that_the_table_promises_is_there() -> None:
    assert promised() - set(definitions()) == set()


def test_every_alarm_leads_to_a_runbook_of_the_table() -> None:
    rows = set(re.findall(r"^\| \[(\w+)\]\(\1\.md\)", TABLE, re.M))
    assert {name: page for name, page in runbooks().items() if page not in rows} == {}


def test_what_stops_a_deployment_is_an_alarm() -> None:
    named = re.findall(r'"(payments-[a-z-]+)"', (OPERATIONS / "stop_deployment.tf").read_text())
    assert set(named) - {"payments-stop-deployment"} <= set(definitions())


def test_an_alarm_that_is_renamed_is_noticed(tmp_path: Path) -> None:
    for path in OPERATIONS.glob("*alarms*.tf"):
        (tmp_path / path.name).write_text(path.read_text().replace("payments-money-diverged", "payments-money-differs"))
    assert promised() - set(definitions(tmp_path)) == {"payments-money-diverged"}
