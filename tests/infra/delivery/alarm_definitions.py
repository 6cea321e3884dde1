"""CloudWatch's alarms as terraform/modules/operations defines them, read from its text: names, figures of ours, runbooks."""

import re
from pathlib import Path

OPERATIONS = Path(__file__).parents[3] / "terraform" / "modules" / "operations"
_ALARM = re.compile(r'^ {4,6}(payments-[a-z-]+) += \{(.*?)(?=^ {4,6}payments-|^ {2,4}\}|\Z)', re.M | re.S)  # fmt: skip


def definitions(folder: Path = OPERATIONS) -> dict[str, str]:
    """Return each alarm's definition by its name, without those made one for each health check."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*alarms*.tf")))
    return {found[1]: found[2] for found in _ALARM.finditer(text)}


def figures(folder: Path = OPERATIONS) -> set[str]:
    """Return the figures of the ledger's own that alarms look at."""
    return set(re.findall(r'metric += "((?:payments|ray)_\w+)"', "\n".join(definitions(folder).values())))


def runbooks(folder: Path = OPERATIONS) -> dict[str, str]:
    """Return the name of each alarm's runbook, as alarms.tf works it out."""
    named = {}
    for name, text in definitions(folder).items():
        own = re.search(r'runbook += "(\w+)"', text)
        named[name] = own[1] if own else "".join(word.title() for word in name.split("-"))
    return named
