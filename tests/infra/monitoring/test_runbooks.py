"""Every alarm has its runbook and the other way round, all are of one form, and what they tell people to do can be done."""

import re
from collections.abc import Callable

import pytest

from tests.infra.monitoring.rule_files import alarms
from tests.infra.monitoring.runbooks import RUNBOOKS, problems_of, runbooks

README = (RUNBOOKS / "README.md").read_text()
BOTH, CLOUDWATCH_ALONE = README.split("## CloudWatch alone")
_ROW = re.compile(r"^\| \[(\w+)\]\((\w+)\.md\) \| (critical|warning)[^|]*\|.*\| `(payments-[a-z-]+)`[^|]*\|$", re.MULTILINE)
OF_CLOUDWATCH_ALONE = {name for name, *_ in _ROW.findall(CLOUDWATCH_ALONE)}


def kebab(name: str) -> str:
    """Return an alarm's name as CloudWatch has it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm() -> None:
    assert runbooks().keys() == alarms().keys() | OF_CLOUDWATCH_ALONE


@pytest.mark.parametrize("name", runbooks())
def test_a_runbook_is_of_the_form_and_names_what_there_is(name: str) -> None:
    assert problems_of(name, runbooks()[name]) == []


def test_the_table_has_every_alarm_once_as_the_rules_have_it() -> None:
    rows = _ROW.findall(README)
    assert [name for name, *_ in rows] == [file for _, file, *_ in rows]
    assert sorted(name for name, *_ in rows) == sorted(runbooks())
    for name, _, severity, counterpart in _ROW.findall(BOTH):
        assert counterpart == kebab(name)
        assert alarms()[name]["labels"]["severity"] == severity, name


def test_the_tables_thresholds_are_those_of_the_rules() -> None:
    """As far as both are numbers: how long a rule waits, in the words of the table."""
    for line in README.splitlines():
        found = re.match(r"^\| \[(\w+)\]", line)
        if found is None or found[1] not in alarms() or "for" not in alarms()[found[1]]:
            continue
        number, unit = re.fullmatch(r"(\d+)([mhs])", alarms()[found[1]]["for"]).groups()  # type: ignore[union-attr]
        if found[1] not in {
            "PaymentsApiErrors",
            "PaymentsApiErrorBudget",
            "PaymentsApiSlow",
            "PaymentsTravellersStuck",
            "PaymentsDeadLetters",
        }:
            assert f"for {number} {'min' if unit == 'm' else unit}" in line, line


@pytest.mark.parametrize("name", sorted(OF_CLOUDWATCH_ALONE))
def test_what_was_not_rehearsed_says_so(name: str) -> None:
    assert re.match(r"\s*(Not rehearsed|Rehearsed in part)", runbooks()[name].split("## Rehearsed")[1])


GOOD = "PaymentsMoneyDiverged"


def misspelt_command(text: str) -> str:
    return text.replace("payments verify ", "payments verifi ", 1)


def misspelt_option(text: str) -> str:
    return text.replace("`payments projections rebuild`", "`payments projections rebuild --fast`", 1)


def unknown_route(text: str) -> str:
    return text.replace("/v1/audit ", "/v1/audits ", 1)


def unknown_table(text: str) -> str:
    return text.replace("payments.audits", "payments.auditing")


def unknown_setting(text: str) -> str:
    return text + "\n`PAYMENTS_AUDIT_SPEED`\n"


def unknown_operation(text: str) -> str:
    return text + "\n`aws rds describe-global-cluster`\n"


def unknown_aws_option(text: str) -> str:
    return text + "\n`aws rds describe-global-clusters --name x`\n"


def unknown_target(text: str) -> str:
    return text + "\n`make proof`\n"


def without_a_section(text: str) -> str:
    return text.replace("## Afterwards\n", "")


def with_an_empty_section(text: str) -> str:
    return re.sub(r"## Rehearsed\n.*", "## Rehearsed\n", text, flags=re.DOTALL)


def another_name(text: str) -> str:
    return text.replace(f"# {GOOD}", "# PaymentsMoneyLost", 1)


def unknown_runbook(text: str) -> str:
    return text + "\nSee PaymentsMoneyFound.\n"


@pytest.mark.parametrize(
    "change",
    [
        misspelt_command, misspelt_option, unknown_route, unknown_table, unknown_setting, unknown_operation, unknown_aws_option,
        unknown_target, without_a_section, with_an_empty_section, another_name, unknown_runbook,
    ],
)  # fmt: skip
def test_a_broken_runbook_is_caught(change: Callable[[str], str]) -> None:
    text = runbooks()[GOOD]
    assert change(text) != text
    assert problems_of(GOOD, change(text))
