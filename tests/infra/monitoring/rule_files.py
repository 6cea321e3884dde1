"""The rules as Prometheus itself reads them: what stands under `spec` in each manifest."""

import sys
from pathlib import Path
from typing import Any

import yaml

MONITORING = Path(__file__).parents[3] / "deploy" / "monitoring"
RULES = MONITORING / "prometheus" / "rules"
RULE_TESTS = MONITORING / "prometheus" / "tests"

Rule = dict[str, Any]


def rules(folder: Path = RULES) -> list[Rule]:
    """Return all rules of the manifests in a folder."""
    manifests = [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))]
    return [rule for manifest in manifests for group in manifest["spec"]["groups"] for rule in group["rules"]]


def alarms(folder: Path = RULES) -> dict[str, Rule]:
    """Return the rules that are alarms, by name."""
    return {rule["alert"]: rule for rule in rules(folder) if "alert" in rule}


def write_rule_files(target: Path, folder: Path = RULES) -> list[Path]:
    """Write each manifest's rules into a file that Prometheus and promtool read, and return the files."""
    written = []
    for path in sorted(folder.glob("*.yaml")):
        written.append(target / path.name)
        written[-1].write_text(yaml.safe_dump(yaml.safe_load(path.read_text())["spec"], sort_keys=False, width=1000))
    return written


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    write_rule_files(Path(sys.argv[1]))
