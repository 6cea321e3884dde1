"""The rules of Prometheus: promtool takes them, every alarm fires when it should and only then, and reads series that there are."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.monitoring.expressions import metrics_of
from tests.infra.monitoring.known_metrics import known
from tests.infra.monitoring.promtool import promtool, run_rule_tests
from tests.infra.monitoring.rule_files import RULE_TESTS, RULES, alarms, rules, write_rule_files

SEVERITIES = {"critical", "warning"}
MONEY = RULES / "money.yaml"


def problems_of(folder: Path = RULES) -> list[str]:
    """Return what is wrong with the rules of a folder, in words, as far as it can be seen without promtool."""
    found = []
    series = known()
    for rule in rules(folder):
        name = rule.get("alert") or rule["record"]
        found += [f"{name} reads {metric}, which nobody writes" for metric in sorted(metrics_of(rule["expr"]) - series)]
        if "alert" not in rule:
            continue
        if set(rule["labels"]) != {"severity"} or rule["labels"]["severity"] not in SEVERITIES:
            found.append(f"{name} has the labels {rule['labels']}")
        if set(rule["annotations"]) != {"summary", "runbook_url"}:
            found.append(f"{name} has the annotations {sorted(rule['annotations'])}")
        elif rule["annotations"]["runbook_url"] != f"deploy/runbooks/{name}.md":
            found.append(f"{name} names another alarm's runbook")
        for label in re.findall(r"\$labels\.(\w+)", rule["annotations"].get("summary", "")):
            if not re.search(rf"\bby \([^)]*\b{label}\b|\b{label}:", rule["expr"]):
                found.append(f"{name} speaks of the label {label}, which its expression does not keep")
    return found


def outcomes_in_tests(folder: Path = RULE_TESTS) -> dict[str, set[bool]]:
    """Return for each alarm whether there are tests in which it fires, and in which it does not."""
    found: dict[str, set[bool]] = {}
    for path in folder.glob("*_test.yaml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test["alert_rule_test"]:
                found.setdefault(check["alertname"], set()).add(bool(check["exp_alerts"]))
    return found


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    files = write_rule_files(tmp_path)
    checked = promtool("check", "rules", *map(str, files), folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alarms_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    done = run_rule_tests(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alarm_has_a_test_that_fires_and_one_that_does_not() -> None:
    assert outcomes_in_tests() == {name: {True, False} for name in alarms()}


def test_rules_read_what_is_written_and_say_what_people_need() -> None:
    assert problems_of() == []


def test_names_are_used_once() -> None:
    names = [rule.get("alert") or rule["record"] for rule in rules()]
    assert sorted(set(names)) == sorted(names)


Change = Callable[[dict[str, Any]], None]


def changed(tmp_path: Path, name: str, change: Change) -> Path:
    """Return a copy of the rules in which one alarm was changed."""
    copy = tmp_path / "changed"
    copy.mkdir()
    for path in RULES.glob("*.yaml"):
        manifest = yaml.safe_load(path.read_text())
        for group in manifest["spec"]["groups"]:
            for rule in group["rules"]:
                if rule.get("alert") == name:
                    change(rule)
        (copy / path.name).write_text(yaml.safe_dump(manifest))
    return copy


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("PaymentsMoneyDiverged", lambda rule: rule.update(expr="max by (shard) (payments_audit_divergence) > 1")),
        ("PaymentsShardWithoutHost", lambda rule: rule.update(expr="min by (shard) (payments_shard_served) == 0")),
        ("PaymentsShardBroken", lambda rule: rule.update({"for": "10m"})),
        ("PaymentsMirrorBehind", lambda rule: rule.pop("for")),
        ("PaymentsAuditLagging", lambda rule: rule.update(expr="max by (shard) (payments_audit_lag_seconds) > 3600")),
        ("PaymentsTravellersStuck", lambda rule: rule["labels"].update(severity="warning")),
    ],
)
def test_a_changed_rule_fails_its_tests(tmp_path: Path, name: str, change: Change) -> None:
    (tmp_path / "run").mkdir()
    done = run_rule_tests(tmp_path / "run", changed(tmp_path, name, change), [RULE_TESTS / "money_test.yaml"])
    assert done.returncode != 0
    assert name in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda rule: rule.update(expr="max(payments_audit_divergense) > 0"),
            "reads payments_audit_divergense, which nobody writes",
        ),
        (lambda rule: rule.update(expr="max(ray_payments_audit_divergence) > 0"), "reads ray_payments_audit_divergence"),
        (lambda rule: rule["labels"].update(severity="urgent"), "has the labels"),
        (lambda rule: rule["annotations"].pop("summary"), "has the annotations"),
        (lambda rule: rule["annotations"].update(runbook_url="deploy/runbooks/PaymentsNotReady.md"), "another alarm's runbook"),
        (lambda rule: rule.update(expr="max(payments_audit_divergence) > 0"), "speaks of the label shard"),
    ],
)
def test_a_rule_that_names_what_there_is_not_is_caught(tmp_path: Path, change: Change, said: str) -> None:
    (problem,) = [text for text in problems_of(changed(tmp_path, "PaymentsMoneyDiverged", change)) if said in text]
    assert problem.startswith("PaymentsMoneyDiverged ")


def test_rules_that_are_no_rules_are_caught(tmp_path: Path) -> None:
    copy = changed(
        tmp_path, "PaymentsMoneyDiverged", lambda rule: rule.update(expr="max by (shard (payments_audit_divergence) > 0")
    )
    files = write_rule_files(tmp_path, copy)
    assert promtool("check", "rules", *map(str, files), folder=tmp_path).returncode != 0


def test_an_alarm_without_a_test_is_seen(tmp_path: Path) -> None:
    for path in RULE_TESTS.glob("*_test.yaml"):
        (tmp_path / path.name).write_text(
            path.read_text().replace("alertname: PaymentsRedisDown", "alertname: PaymentsRayHeadDown")
        )
    assert "PaymentsRedisDown" not in outcomes_in_tests(tmp_path)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('sum by (host, le) (rate(ray_x_bucket{host=~"a_b"}[5m])) / 1e3 > 2', {"ray_x_bucket"}),
        ("a:b:c > 0.8 or min_over_time(d[5m]) > 0 unless on (shard) e offset 5m", {"a:b:c", "d", "e"}),
        ("absent(f) and g == bool 1", {"f", "g"}),
    ],
)
def test_names_are_found_in_expressions(expression: str, expected: set[str]) -> None:
    assert metrics_of(expression) == expected
